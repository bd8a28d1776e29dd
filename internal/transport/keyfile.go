package transport

import (
	"fmt"
	"os"
	"syscall"
)

// CheckKeyFile refuses a file with a secret in it that others can read: it must be its owner's alone, who is this process's user or
// root. A file of root's may be readable for its group too, as Kubernetes mounts secrets for a process that is not root.
func CheckKeyFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", path)
	}
	allowed := os.FileMode(0o600)
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		switch {
		case stat.Uid == 0 && os.Geteuid() != 0:
			allowed = 0o640
		case int(stat.Uid) != os.Geteuid():
			return fmt.Errorf("%s belongs to another user: it must belong to the user of this process or to root", path)
		}
	}
	if mode := info.Mode().Perm(); mode&^(allowed|0o100) != 0 {
		return fmt.Errorf("%s can be read or written by others (mode %04o): chmod 0600 it", path, mode)
	}
	return nil
}
