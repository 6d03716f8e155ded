package answers

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

const (
	// localBodyLimit is many times what a sign-in takes.
	localBodyLimit = 64 << 10
)

var (
	errTooLarge = errors.New("the body is too large")
	errNoFields = errors.New("the body is neither JSON nor a form")
)

// fieldsOf returns the fields of a small body, JSON or a form, as the server
// reads them (abs: express.json, express.urlencoded). A field that is no string
// is not there.
func fieldsOf(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, localBodyLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, err
	case len(raw) == 0:
		return nil, nil
	}
	return parseFields(r.Header.Get("Content-Type"), raw)
}

func parseFields(contentType string, raw []byte) (map[string]string, error) {
	fields := make(map[string]string)
	switch kind, _, _ := mime.ParseMediaType(contentType); kind {
	case "application/json":
		var all map[string]any
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, errNoFields
		}
		for name, value := range all {
			if s, ok := value.(string); ok {
				fields[name] = s
			}
		}
	case "application/x-www-form-urlencoded":
		all, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, errNoFields
		}
		for name, values := range all {
			if len(values) == 1 { // two of one name are a list in Express
				fields[name] = values[0]
			}
		}
	}
	return fields, nil
}
