package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system user that the server runs as. PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid uint32
	// credential switches a child process to the account; nil when this process runs as the account already.
	credential *syscall.Credential
}

// chooseAccount is the current user, or for root the owner of the present cluster, or the first system account that
// suits: postgres, which the distributions' packages create, or nobody.
func chooseAccount(cluster string) (account, error) {
	if os.Geteuid() != 0 {
		u, err := user.Current()
		if err != nil {
			return account{}, fmt.Errorf("find the current user: %w", err)
		}
		return newAccount(u, false)
	}
	if info, err := os.Stat(cluster); err == nil {
		if uid, ok := ownerOf(info); ok && uid != 0 {
			u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
			if err != nil {
				return account{}, fmt.Errorf("%s belongs to user id %d, which this system does not know: chown it to the account "+
					"that PostgreSQL is to run as: %w", cluster, uid, err)
			}
			return newAccount(u, true)
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return newAccount(u, true)
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and this system has no user postgres or nobody: " +
		"create a system user postgres, or run ringfence as an ordinary user")
}

func newAccount(u *user.User, drop bool) (account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", u.Username, err)
	}
	a := account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}
	if drop {
		a.credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return a, nil
}

// ownFile gives an open file to the account, whatever its name leads to by now.
func (a account) ownFile(f *os.File) error {
	if a.credential == nil {
		return nil
	}
	return f.Chown(int(a.uid), int(a.gid))
}

// own gives a folder to the account. Its parent must be one that only this process's user can write to.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	if err := os.Lchown(path, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// command prepares a program that runs as the account, in its own process group and with an environment that holds
// none of ringfence's settings and none of PostgreSQL's.
func (a account) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
	return cmd
}

// mustReach checks by trying that the account can enter a folder and run the binaries.
func (a account) mustReach(ctx context.Context, b Binaries, dir string) error {
	if a.credential == nil {
		return nil
	}
	err := a.command(ctx, dir, b.path("postgres"), "--version").Run()
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("run PostgreSQL as user %s: %w", a.name, err)
	}
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		if !a.passes(parent) {
			return fmt.Errorf("ringfence runs PostgreSQL as user %s, who cannot pass through %s: allow it with `chmod o+x %s`, "+
				"or set RINGFENCE_DATA_DIR to another folder", a.name, parent, parent)
		}
		if parent == filepath.Dir(parent) {
			return fmt.Errorf("user %s cannot run %s in %s: %w", a.name, b.path("postgres"), dir, err)
		}
	}
}

// passes judges by owner and mode whether the account can pass through a folder. It only picks the words of an error.
func (a account) passes(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil {
		return false
	}
	owner, _ := ownerOf(info)
	return owner == a.uid || info.Mode()&0o001 != 0
}
