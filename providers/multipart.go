package providers

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
)

// multipartOf returns the fields of a body that is multipart/form-data, which some
// senders use for a form with JSON in a field. Files are left out. The whole body
// is bounded, so its fields are.
func multipartOf(r *Request) (url.Values, bool) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" || len(r.Body) > maxBody {
		return nil, false
	}
	form := url.Values{}
	parts := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"])
	for range maxEntries {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false // a form that is cut is no form
		}
		if part.FormName() == "" || part.FileName() != "" {
			continue
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, false
		}
		form.Add(part.FormName(), string(value))
	}
	return form, len(form) > 0
}
