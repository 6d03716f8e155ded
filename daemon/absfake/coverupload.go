package absfake

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"
)

// cover is the item's picture, nil: none.
func (i *Item) cover() *File {
	if f := i.uploaded.Load(); f != nil {
		return f
	}
	return i.Cover
}

// postCover takes a picture as a form's file. Covers from a URL are refused: the
// double fetches nothing. abs: server/controllers/LibraryItemController.js
func (s *Server) postCover(w http.ResponseWriter, q *request) {
	if !q.user.isAdmin() {
		sendStatus(w, q.Request, http.StatusForbidden)
		return
	}
	item := s.item(q.params["id"])
	if item == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	picture := formFile(q, "cover")
	if picture == nil {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid request no file or url")
		return
	}
	f := &File{
		Ino: item.Ino, Name: "cover.jpg", Path: MetadataPath + "/items/" + item.ID + "/cover.jpg", Size: int64(len(picture)),
		MIME: "image/jpeg", Modified: time.Now(), ReaderAt: bytes.NewReader(picture),
	}
	item.uploaded.Store(f)
	sendJSON(w, q.Request, http.StatusOK, object{{"success", true}, {"cover", f.Path}})
}

// formFile is a file of a multipart form, nil where there is none.
func formFile(q *request, name string) []byte {
	_, params, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil
	}
	form := multipart.NewReader(bytes.NewReader(q.raw), params["boundary"])
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil // the end, or not a form
		}
		if part.FormName() == name && part.FileName() != "" {
			raw, err := io.ReadAll(part)
			if err != nil {
				return nil
			}
			return raw
		}
	}
}
