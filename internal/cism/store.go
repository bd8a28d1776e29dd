package cism

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// store keeps in a file how far the feed was read and what it said, so that a restart goes on there. Without a file, or
// when it is lost, everything is read again: the file saves time and decides nothing.
type store struct {
	path  string // empty: nothing is kept
	saved *string
}

// state is the content of the file.
type state struct {
	VIMConnectionID string            `json:"vimConnectionId"`
	Marker          string            `json:"marker"`
	Complete        bool              `json:"complete"`
	Advisory        bool              `json:"advisory"`
	Seqs            map[string]int64  `json:"seqs"`
	Quarantined     map[string]string `json:"quarantined"`
	Forms           []pullForm        `json:"forms"`
	Standings       []*standing       `json:"standings"`
	Released        []dueAck          `json:"released"`
}

type pullForm struct {
	form
	PullPolicy string `json:"pullPolicy"`
}

func newStore(path string) store { return store{path: path, saved: new(string)} }

// load reads the file into a feed. A file of another connection, or one that cannot be read, is an error: it would be
// overwritten.
func (s store) load(f *feed) error {
	if s.path == "" {
		return nil
	}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var st state
	if err == nil {
		err = json.Unmarshal(data, &st)
	}
	if err != nil {
		return fmt.Errorf("state file %s: %w; remove it, and everything is read again", s.path, err)
	}
	if st.VIMConnectionID != f.vimConnectionID {
		return fmt.Errorf("state file %s is of the VIM connection %q, not %q: name another file", s.path, st.VIMConnectionID, f.vimConnectionID)
	}
	f.marker, *s.saved = st.Marker, st.Marker
	f.table.restore(&st)
	return nil
}

// save writes the file if anything changed.
func (s store) save(f *feed) error {
	if s.path == "" {
		return nil
	}
	st, changed := f.table.snapshot()
	if !changed && f.marker == *s.saved {
		return nil
	}
	st.VIMConnectionID, st.Marker = f.vimConnectionID, f.marker
	data, err := json.Marshal(st)
	if err != nil {
		return err
	}
	if err := replace(s.path, data); err != nil {
		f.table.touch()
		return fmt.Errorf("state file: %w", err)
	}
	*s.saved = f.marker
	return nil
}

// replace puts a file in the place of another so that a crash leaves one or the other.
func replace(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// snapshot copies the table, and says whether it was saved like this before. From now on it counts as saved.
func (t *table) snapshot() (st state, changed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed, t.changed = t.changed, false
	st = state{Complete: t.complete, Advisory: t.advisory, Seqs: maps.Clone(t.seqs), Quarantined: maps.Clone(t.quarantined), Released: slices.Clone(t.released)}
	for f, policy := range t.forms {
		st.Forms = append(st.Forms, pullForm{f, policy})
	}
	for _, s := range t.standings {
		standing := *s
		st.Standings = append(st.Standings, &standing)
	}
	return st, changed
}

// restore makes the table what a snapshot says.
func (t *table) restore(st *state) {
	t.reset()
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.seqs, st.Seqs)
	maps.Copy(t.quarantined, st.Quarantined)
	for _, f := range st.Forms {
		t.forms[f.form] = f.PullPolicy
	}
	for _, s := range st.Standings {
		t.standings[s.residency()] = s
	}
	t.released = slices.Clone(st.Released)
	t.complete, t.advisory, t.changed = st.Complete, st.Advisory, false
}

// touch says that the table is to be saved.
func (t *table) touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = true
}
