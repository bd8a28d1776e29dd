// Package volume keeps the folders of a host in which the images of a trust domain may lie: folders that the kernel encrypts
// under a key of their own (fscrypt), and folders in memory (tmpfs). It makes them, finds them again after a restart of the
// agent, and destroys them.
//
// A key is random, is given to the kernel and is then forgotten: it is in no file and in no log. What lies under it is
// therefore lost with the kernel, which is meant: an image is a copy, and is pulled anew. The package knows nothing of
// images, containers or directives.
package volume

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Kind is what keeps the content of a volume from others.
type Kind string

// The kinds of volume.
const (
	Encrypted Kind = "encrypted" // on disk, under a key of the trust domain
	Memory    Kind = "memory"    // never on disk
)

// Volume is a folder for one trust domain.
type Volume struct {
	// Name is unlike that of any other volume of this host, earlier ones included.
	Name          string `json:"name"`
	Kind          Kind   `json:"kind"`
	TrustDomainID string `json:"trustDomainId"`
	// KeyID names the key in the kernel, in hexadecimal digits; empty for volumes in memory.
	KeyID string `json:"keyId,omitempty"`
	// Folder is where the content lies.
	Folder string `json:"-"`
}

// Store is the volumes of one host, below one folder.
type Store struct {
	root       string
	memorySize string

	mu      sync.Mutex
	volumes map[string]Volume
}

// Open finds the volumes below a folder. Those whose key or memory went with a restart of the host are removed: what
// remains of them cannot be read by anybody. memorySize bounds each volume in memory, as tmpfs takes it ("2g", "25%").
func Open(root, memorySize string) (*Store, error) {
	s := &Store{root: root, memorySize: memorySize, volumes: map[string]Volume{}}
	for _, folder := range []string{root, s.records(), s.home(Encrypted), s.home(Memory)} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("volumes: %w", err)
		}
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	return s, s.sweep()
}

func (s *Store) records() string       { return filepath.Join(s.root, "records") }
func (s *Store) home(kind Kind) string { return filepath.Join(s.root, string(kind)) }
func (s *Store) record(name string) string {
	return filepath.Join(s.records(), name+".json")
}

// load reads the records of volumes that are still there.
func (s *Store) load() error {
	files, err := filepath.Glob(s.record("*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var v Volume
		if err := json.Unmarshal(data, &v); err != nil || v.Name+".json" != filepath.Base(file) {
			return fmt.Errorf("%s is no record of a volume; remove it to have what it stands for erased: %w", file, err)
		}
		v.Folder = filepath.Join(s.home(v.Kind), v.Name)
		if s.alive(v) {
			s.volumes[v.Name] = v
		} else if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// alive tells whether a volume can still be read: its key is in the kernel, its memory is mounted.
func (s *Store) alive(v Volume) bool {
	if v.Kind == Encrypted {
		present, err := keyPresent(s.root, v.KeyID)
		return err == nil && present
	}
	return isMemory(v.Folder)
}

// sweep removes the folders that have no record: of volumes that are lost, and of those that were being made when the
// agent was killed.
func (s *Store) sweep() error {
	var errs []error
	for _, kind := range []Kind{Encrypted, Memory} {
		entries, err := os.ReadDir(s.home(kind))
		errs = append(errs, err)
		for _, entry := range entries {
			if _, known := s.volumes[entry.Name()]; known {
				continue
			}
			v := Volume{Name: entry.Name(), Kind: kind, Folder: filepath.Join(s.home(kind), entry.Name())}
			if kind == Encrypted {
				v.KeyID, _ = keyOf(v.Folder)
			}
			errs = append(errs, s.destroy(v))
		}
	}
	return errors.Join(errs...)
}

// Available says why volumes of a kind cannot be had on this host; nil: they can.
func (s *Store) Available(kind Kind) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.build(kind, "probe")
	if err == nil {
		err = s.destroy(v)
	}
	if err != nil {
		return fmt.Errorf("not available here: %w", err)
	}
	return nil
}

// Ensure returns the volume of a trust domain, and makes it when there is none.
func (s *Store) Ensure(kind Kind, trustDomainID string) (Volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.volumes {
		if v.Kind == kind && v.TrustDomainID == trustDomainID {
			return v, nil
		}
	}
	v, err := s.build(kind, trustDomainID)
	if err != nil {
		return Volume{}, fmt.Errorf("make the %s volume of %s: %w", kind, trustDomainID, err)
	}
	if err := s.write(v); err != nil {
		return Volume{}, errors.Join(err, s.destroy(v))
	}
	s.volumes[v.Name] = v
	return v, nil
}

// build makes the folder of a volume with a name that was never used before.
func (s *Store) build(kind Kind, trustDomainID string) (Volume, error) {
	v := Volume{Name: strings.ToLower(rand.Text()), Kind: kind, TrustDomainID: trustDomainID}
	v.Folder = filepath.Join(s.home(kind), v.Name)
	if err := os.Mkdir(v.Folder, 0o700); err != nil {
		return Volume{}, err
	}
	var err error
	if kind == Encrypted {
		v.KeyID, err = encrypt(v.Folder)
	} else {
		err = mountMemory(v.Folder, s.memorySize)
	}
	if err != nil {
		return Volume{}, errors.Join(err, os.Remove(v.Folder))
	}
	return v, nil
}

// write keeps the record of a volume durably: without it the volume is swept at the next start.
func (s *Store) write(v Volume) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	file := s.record(v.Name)
	if err := os.WriteFile(file+".new", data, 0o600); err != nil {
		return err
	}
	if err := syncPath(file + ".new"); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	return syncPath(s.records())
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// List are the volumes that can be read now, by name.
func (s *Store) List() []Volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Volume, 0, len(s.volumes))
	for _, v := range s.volumes {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Volume) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Get finds a volume by its name.
func (s *Store) Get(name string) (Volume, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found := s.volumes[name]
	return v, found
}

// Erase destroys the volume of that name with its key. One that does not exist is erased already; one that holds something is
// not erased, because a container may stand on it.
func (s *Store) Erase(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found := s.volumes[name]
	if !found {
		return nil
	}
	held, err := os.ReadDir(v.Folder)
	if err == nil && len(held) > 0 {
		err = fmt.Errorf("it holds %d layers", len(held))
	}
	if err == nil {
		err = s.destroy(v)
	}
	if err != nil {
		return fmt.Errorf("erase the %s volume of %s: %w", v.Kind, v.TrustDomainID, err)
	}
	delete(s.volumes, name)
	if err := os.Remove(s.record(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncPath(s.records())
}

// destroy removes a folder and what makes its content readable.
func (s *Store) destroy(v Volume) error {
	if v.Kind == Memory && isMemory(v.Folder) {
		if err := unix.Unmount(v.Folder, 0); err != nil {
			return fmt.Errorf("unmount %s: %w", v.Folder, err)
		}
	}
	if err := os.RemoveAll(v.Folder); err != nil {
		return err
	}
	if v.Kind == Encrypted && v.KeyID != "" {
		return dropKey(s.root, v.KeyID)
	}
	return nil
}

// decodeKeyID reads the name of a key in the kernel.
func decodeKeyID(id string) ([16]byte, error) {
	var key [16]byte
	data, err := hex.DecodeString(id)
	if err != nil || len(data) != len(key) {
		return key, fmt.Errorf("%q is no name of a key", id)
	}
	copy(key[:], data)
	return key, nil
}
