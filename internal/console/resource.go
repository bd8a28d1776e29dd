package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// resource is one answer of the console, kept gzip-compressed: browsers take it as it is, others get it
// unpacked.
type resource struct {
	mediaType  string
	compressed []byte
	hash       string // of the compressed bytes; names the content in URLs and entity tags
	immutable  bool   // its URL carries the hash, so it may be cached for ever
}

// packed makes a resource from bytes that gzip has compressed already.
func packed(mediaType string, compressed []byte) *resource {
	sum := sha256.Sum256(compressed)
	return &resource{mediaType: mediaType, compressed: compressed, hash: hex.EncodeToString(sum[:8])}
}

// pack compresses content into a resource.
func pack(mediaType string, content []byte) (*resource, error) {
	var buffer bytes.Buffer
	writer, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("console: compress: %w", err)
	}
	if _, err := writer.Write(content); err != nil {
		return nil, fmt.Errorf("console: compress: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("console: compress: %w", err)
	}
	return packed(mediaType, buffer.Bytes()), nil
}

// content is the resource unpacked.
func (res *resource) content() ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(res.compressed))
	if err != nil {
		return nil, fmt.Errorf("console: unpack: %w", err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("console: unpack: %w", err)
	}
	return plain, nil
}

func (res *resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", res.mediaType)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache")
	if res.immutable {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, tag := res.compressed, res.hash
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
	} else {
		plain, err := res.content()
		if err != nil {
			http.Error(w, "the page is damaged in this binary; install it again", http.StatusInternalServerError)
			return
		}
		body, tag = plain, res.hash+"-plain"
	}
	header.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads Accept-Encoding as RFC 9110 12.5.3 has it: gzip is taken when it is listed and its
// weight is not zero.
func acceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight, weighted := strings.CutPrefix(strings.TrimSpace(parameter), "q=")
		if !weighted {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}
