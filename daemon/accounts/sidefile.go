package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"shelfkeeper/daemon/durable"
)

// Beside the accounts' file lie smaller ones, each with one fact about some of the
// accounts. They are files of their own since a program of another version refuses
// the accounts' where it finds a field that it does not know.

// sideVersion is their format. The first one named none, and was the list alone.
const sideVersion = 1

type sideFile[T any] struct {
	Version  int          `json:"version"`
	Accounts map[string]T `json:"accounts"`
}

// readSide reads one. There is none without a file. The error is ErrNewer,
// ErrUnreadable or the file system's.
func readSide[T any](path string) (map[string]T, error) {
	data, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := decodeSide[T](data)
	if errors.Is(err, ErrNewer) {
		return nil, fmt.Errorf("%s: %w: start that version; the file was left as it is", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func decodeSide[T any](data []byte) (map[string]T, error) {
	var head struct {
		Version json.RawMessage `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	version, list := 0, map[string]T(nil)
	// In the first format an account may have that name: then it is an object.
	if json.Unmarshal(head.Version, &version) != nil {
		if err := json.Unmarshal(data, &list); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		return list, nil
	}
	if version > sideVersion {
		return nil, fmt.Errorf("%w (format %d, this one knows %d)", ErrNewer, version, sideVersion)
	}
	var file sideFile[T]
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return file.Accounts, nil
}

// writeSide replaces one.
func writeSide[T any](path string, list map[string]T) error {
	data, err := json.MarshalIndent(sideFile[T]{sideVersion, list}, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(path, append(data, '\n'), 0o600)
}
