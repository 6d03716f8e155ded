package absfake

import (
	"archive/zip"
	"io"
	"net/http"
)

// getItemDownload is the whole item as a zip, written while it is sent: nobody
// knows its length beforehand. abs: server/utils/zipHelpers.js
func (s *Server) getItemDownload(w http.ResponseWriter, q *request) {
	item := s.item(q.params["id"])
	if item == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Disposition", `attachment; filename="`+item.Title+`.zip"`)
	h.Set("Content-Type", "application/zip")
	w.WriteHeader(http.StatusOK)
	if q.Method == http.MethodHead {
		return
	}
	flush(w) // before the body, so that it is chunked
	z := zip.NewWriter(w)
	for _, f := range item.Files {
		part, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store, Modified: f.Modified})
		if err != nil {
			return // the client has gone
		}
		if _, err := io.Copy(part, f.Reader()); err != nil {
			return
		}
	}
	_ = z.Close()
}
