package embedded

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// An archive is what pg_dump writes in its custom format, within gzip: `gunzip -c FILE | pg_restore --list` reads it
// without ringfence. Gzip's checksum covers every byte, which pg_dump's own format does not offer.
const (
	archiveComment = "ringfence backup 1" // in gzip's header: what this is, and the version of this layout
	dumpMagic      = "PGDMP"
)

// writeArchive creates file whole or not at all: dump writes to a file beside it, which takes its place when it is on disk.
func writeArchive(file string, dump func(io.Writer) error) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: name a file to write the backup to", file)
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("create the backup file: %w", err)
	}
	err = errors.Join(compress(f, dump), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the backup file: %w", err), os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(file))
}

// compress writes the archive's bytes and waits until they are on disk.
func compress(f *os.File, dump func(io.Writer) error) error {
	zip, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	zip.Comment = archiveComment
	if err := dump(zip); err != nil {
		return err
	}
	return errors.Join(zip.Close(), f.Sync())
}

// verifyArchive reads an archive to its end and checks that it is one and is undamaged.
func verifyArchive(ctx context.Context, file string) error {
	return readArchive(file, func(r io.Reader) error {
		magic := make([]byte, len(dumpMagic))
		if _, err := io.ReadFull(r, magic); err != nil || string(magic) != dumpMagic {
			return errors.Join(errors.New("it holds no PostgreSQL dump"), err)
		}
		for {
			if _, err := io.CopyN(io.Discard, r, 1<<20); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("it is damaged: %w", err)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	})
}

// readArchive gives the dump within an archive to a function, whose errors it puts down to the archive.
func readArchive(file string, use func(io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the backup file: %w", err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("%s is not a ringfence backup: %w", file, err)
	}
	if !strings.HasPrefix(zip.Comment, archiveComment) {
		return fmt.Errorf("%s is not a ringfence backup that this version reads: its header says %q", file, zip.Comment)
	}
	if err := use(zip); err != nil {
		return fmt.Errorf("backup file %s: %w", file, err)
	}
	return nil
}
