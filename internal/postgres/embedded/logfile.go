package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxLogBytes is the size from which the server's log is put aside at the next start.
const maxLogBytes = 8 << 20

// rotate keeps one earlier log beside the current one.
func rotate(path string, limit int64) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() < limit {
		return nil
	}
	if err != nil {
		return fmt.Errorf("server log: %w", err)
	}
	if err := os.Rename(path, path+".1"); err != nil {
		return fmt.Errorf("put the server log aside: %w", err)
	}
	return nil
}

// openLog opens the log for appending and says where the next line will stand.
func openLog(path string) (*os.File, int64, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open the server log: %w", err)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read the server log: %w", err), f.Close())
	}
	return f, end, nil
}

// logSince is what was written after an offset, at most 64 KiB of it.
func logSince(f *os.File, offset int64) []byte {
	b, err := io.ReadAll(io.NewSectionReader(f, offset, 64<<10))
	if err != nil {
		return []byte("the server log cannot be read: " + err.Error())
	}
	return b
}

// lastLines is the end of a program's output, for an error message.
func lastLines(out []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("; "))
}
