package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// InUseError says that another ringfence process runs the data directory.
type InUseError struct {
	DataDir string
	// PID is the other process; 0 when it is not known.
	PID int
}

func (e *InUseError) Error() string {
	process := "another ringfence process"
	if e.PID > 0 {
		process += fmt.Sprintf(" (pid %d)", e.PID)
	}
	return fmt.Sprintf("the data directory %s is in use by %s: stop that one first, or set RINGFENCE_DATA_DIR to another folder",
		e.DataDir, process)
}

// dirLock is an exclusive lock that the kernel releases when the process ends, however it ends.
type dirLock struct{ file *os.File }

func lockDir(l layout) (*dirLock, error) {
	f, err := os.OpenFile(l.lockFile, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("the data directory %s belongs to another user, run ringfence as that one: %w", l.dataDir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &InUseError{DataDir: l.dataDir, PID: readPID(f)}
		}
		return nil, fmt.Errorf("lock %s: %w", l.lockFile, err)
	}
	lock := &dirLock{file: f}
	if err := lock.write(strconv.Itoa(os.Getpid()) + "\n"); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return lock, nil
}

func (l *dirLock) write(content string) error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(content), 0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}

// release gives the directory up. The file stays: removing it would let two processes lock two files of one name.
func (l *dirLock) release() error {
	return errors.Join(l.write(""), l.file.Close())
}

// readPID is the process id that a lock file names, or 0.
func readPID(f *os.File) int {
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b))) // unreadable: 0, "not known"
	return pid
}
