package assets

import "math"

// shape is the signed distance from a point to an outline, in units of the
// drawing: negative within. Distances, unlike bitmaps, give a smooth edge at
// every size.
type shape func(x, y float64) float64

func disc(cx, cy, r float64) shape {
	return func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) - r }
}

// box is a rectangle with rounded corners.
func box(x0, y0, x1, y1, round float64) shape {
	cx, cy, w, h := (x0+x1)/2, (y0+y1)/2, (x1-x0)/2-round, (y1-y0)/2-round
	return func(x, y float64) float64 {
		dx, dy := math.Abs(x-cx)-w, math.Abs(y-cy)-h
		return math.Hypot(math.Max(dx, 0), math.Max(dy, 0)) + math.Min(math.Max(dx, dy), 0) - round
	}
}

// stroke is a line with round ends.
func stroke(x0, y0, x1, y1, width float64) shape {
	dx, dy := x1-x0, y1-y0
	return func(x, y float64) float64 {
		t := ((x-x0)*dx + (y-y0)*dy) / (dx*dx + dy*dy)
		t = math.Max(0, math.Min(1, t))
		return math.Hypot(x-x0-t*dx, y-y0-t*dy) - width/2
	}
}

// polygon is convex, its corners given clockwise (y points down).
func polygon(corners ...[2]float64) shape {
	return func(x, y float64) float64 {
		within, near := math.Inf(-1), math.Inf(1)
		for i, a := range corners {
			b := corners[(i+1)%len(corners)]
			dx, dy := b[0]-a[0], b[1]-a[1]
			within = math.Max(within, ((x-a[0])*dy-(y-a[1])*dx)/math.Hypot(dx, dy))
			near = math.Min(near, stroke(a[0], a[1], b[0], b[1], 0)(x, y))
		}
		if within < 0 {
			return within
		}
		return near
	}
}

// turned is s turned clockwise about a point.
func turned(s shape, cx, cy, degrees float64) shape {
	sin, cos := math.Sincos(-degrees * math.Pi / 180)
	return func(x, y float64) float64 {
		x, y = x-cx, y-cy
		return s(cx+x*cos-y*sin, cy+x*sin+y*cos)
	}
}

// grown is s with a margin; a negative one shrinks it.
func grown(s shape, margin float64) shape {
	return func(x, y float64) float64 { return s(x, y) - margin }
}

func union(all ...shape) shape {
	return func(x, y float64) float64 {
		d := math.Inf(1)
		for _, s := range all {
			d = math.Min(d, s(x, y))
		}
		return d
	}
}

// minus is what remains of s outside hole.
func minus(s, hole shape) shape {
	return func(x, y float64) float64 { return math.Max(s(x, y), -hole(x, y)) }
}
