package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom lists what the program was made of, in CycloneDX.
func (s *source) sbom(t target, program []byte, all []module) ([]byte, error) {
	sum := sha256.Sum256(program)
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: s.when.Format("2006-01-02T15:04:05Z"),
		Component: &cdx.Component{
			BOMRef: "shelfkeeper", Type: cdx.ComponentTypeApplication, Name: "shelfkeeper", Version: s.version,
			Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
			Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}},
			Properties: &[]cdx.Property{{Name: "target", Value: t.String()}, {Name: "commit", Value: s.commit}},
		},
	}
	var parts []cdx.Component
	for _, m := range all {
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		parts = append(parts, cdx.Component{
			BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl,
			Licenses: &cdx.Licenses{{License: &cdx.License{ID: m.licence}}},
		})
	}
	bom.Components = &parts
	var out bytes.Buffer
	w := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON)
	w.SetPretty(true)
	if err := w.Encode(bom); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
