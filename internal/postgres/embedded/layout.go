package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	socketName = ".s.PGSQL.5432"
	// maxSocketPath keeps below the 104 bytes (with the final NUL) that the smallest sockaddr_un has (macOS).
	maxSocketPath = 99
)

// layout is where everything of one private server lives.
//
//	<data directory>/postgres/            ours, 0711 for root so that the server's account can reach what is its own
//	<data directory>/postgres/lock        held while a ringfence process uses the directory
//	<data directory>/postgres/server.log  what the server writes
//	<data directory>/postgres/data/       the cluster, the server's account's
//	<data directory>/postgres/run/        the socket, the server's account's; elsewhere when the path is too long
type layout struct {
	dataDir, base, cluster, socketDir, lockFile, logFile string
}

func newLayout(dataDir string) (layout, error) {
	if dataDir == "" {
		return layout{}, errors.New("the embedded PostgreSQL needs a data directory: set RINGFENCE_DATA_DIR")
	}
	abs, err := filepath.Abs(dataDir)
	if err != nil {
		return layout{}, fmt.Errorf("data directory %q: %w", dataDir, err)
	}
	base := filepath.Join(abs, "postgres")
	return layout{
		dataDir:   abs,
		base:      base,
		cluster:   filepath.Join(base, "data"),
		socketDir: socketDir(base, os.TempDir()),
		lockFile:  filepath.Join(base, "lock"),
		logFile:   filepath.Join(base, "server.log"),
	}, nil
}

// socketDir is the first of the possible folders whose path a client can name: short enough for the kernel and without
// a comma, which separates hosts. The folder in the temporary directory has the same name every time.
func socketDir(base, temp string) string {
	sum := sha256.Sum256([]byte(base))
	short := "ringfence-" + hex.EncodeToString(sum[:6])
	dirs := []string{filepath.Join(base, "run"), filepath.Join(temp, short), filepath.Join("/tmp", short)}
	for _, dir := range dirs {
		if len(filepath.Join(dir, socketName)) <= maxSocketPath && !strings.Contains(dir, ",") {
			return dir
		}
	}
	return dirs[len(dirs)-1]
}

// create makes the folders that are missing and gives the server's account what it needs, nothing else.
func (l layout) create(a account) error {
	if err := os.MkdirAll(l.dataDir, 0o700); err != nil {
		return fmt.Errorf("create the data directory: %w", err)
	}
	if err := os.Mkdir(l.base, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("create the PostgreSQL directory: %w", err)
	}
	if a.credential != nil {
		if err := allowTraversal(l.dataDir, l.base); err != nil {
			return err
		}
	}
	return l.createSocketDir(a)
}

// allowTraversal lets other accounts pass through folders of root's, without letting them list what is there.
func allowTraversal(dirs ...string) error {
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		owner, ok := ownerOf(info)
		if !ok || owner != 0 || info.Mode()&0o011 == 0o011 {
			continue // not ours to change, or passable already
		}
		if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
			return fmt.Errorf("let the server's account pass through: %w", err)
		}
	}
	return nil
}

// createSocketDir makes the socket's folder, or checks that the present one is private to the server's account:
// in the temporary directory anybody could have made it first.
func (l layout) createSocketDir(a account) error {
	err := os.Mkdir(l.socketDir, 0o700)
	if err == nil {
		return a.own(l.socketDir)
	}
	if !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("create the socket directory: %w", err)
	}
	info, err := os.Lstat(l.socketDir)
	if err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	owner, ok := ownerOf(info)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || owner != a.uid {
		return fmt.Errorf("socket directory %s is not a folder that only %s can enter: remove it and start again", l.socketDir, a.name)
	}
	return nil
}

// removeSocketDir removes the socket's folder when it lies outside the data directory.
func (l layout) removeSocketDir() error {
	if filepath.Dir(l.socketDir) == l.base {
		return nil
	}
	if err := os.Remove(l.socketDir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the socket directory: %w", err)
	}
	return nil
}

// socketURL is a connection address over a Unix socket, for pgx and libpq alike.
func socketURL(dir, role, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.User(role),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {dir}, "port": {"5432"}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

// ownerOf is the user id that owns a file.
func ownerOf(info os.FileInfo) (uint32, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}
