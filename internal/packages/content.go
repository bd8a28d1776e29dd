package packages

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"ringfence/internal/placement"
	"ringfence/internal/vnfd"
)

// Content reads the bytes of a package from the store. It is for one reader at a time.
type Content struct {
	read   func(number int) ([]byte, error)
	size   int64
	at     int64
	number int // of the piece that is held; -1: none
	piece  []byte
	err    error // of the store, once there was one
}

func (s *Service) content(ctx context.Context, p *placement.VNFPackage) *Content {
	return &Content{
		read: func(number int) ([]byte, error) { return s.store.ReadVNFPackage(ctx, p.ID, number) },
		size: p.SizeBytes, number: -1,
	}
}

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off >= c.size {
			return n, io.EOF
		}
		if number := int(off / chunkBytes); number != c.number {
			piece, err := c.read(number)
			if err != nil {
				c.err = err
				return n, err
			}
			c.number, c.piece = number, piece
		}
		within := off % chunkBytes
		if within >= int64(len(c.piece)) {
			return n, io.ErrUnexpectedEOF
		}
		m := copy(p[n:], c.piece[within:])
		n, off = n+m, off+int64(m)
	}
	return n, nil
}

// Read implements io.Reader.
func (c *Content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	n, err := c.ReadAt(p[:min(int64(len(p)), c.size-c.at)], c.at)
	c.at += int64(n)
	return n, err
}

// Seek implements io.Seeker.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning of a VNF package")
	}
	c.at = offset
	return offset, nil
}

// Package is the content of a package as VNFMs take it: an archive. A VNFD that was sent alone is put into one.
func (s *Service) Package(ctx context.Context, p *placement.VNFPackage) (io.ReadSeeker, int64, error) {
	if p.Archive {
		return s.content(ctx, p), p.SizeBytes, nil
	}
	text, err := io.ReadAll(s.content(ctx, p))
	if err != nil {
		return nil, 0, err
	}
	return Archived([]vnfd.File{{Name: DescriptorName, Content: text}})
}

// Descriptor is the VNFD of a package: its documents with the metadata that name the first of them.
func (s *Service) Descriptor(ctx context.Context, p *placement.VNFPackage) ([]vnfd.File, error) {
	c := s.content(ctx, p)
	files, err := vnfd.Descriptor(c, p.SizeBytes, DescriptorName)
	if c.err != nil {
		return nil, c.err
	}
	return files, err
}

// Archived puts files into an archive, the same one each time.
func Archived(files []vnfd.File) (io.ReadSeeker, int64, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = w.Write(f.Content)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(b.Bytes()), int64(b.Len()), nil
}
