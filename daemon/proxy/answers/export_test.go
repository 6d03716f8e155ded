package answers

// For the tests that stand before the whole server.
const (
	FreeTries   = freeTries
	BodyLimit   = localBodyLimit
	MaxOpenings = maxOpenings
)

// Members returns the names in a JSON object in their order, nil for no object.
func Members(raw []byte) (names []string, values [][]byte) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, nil
	}
	for _, m := range o {
		names, values = append(names, m.name), append(values, m.value)
	}
	return names, values
}
