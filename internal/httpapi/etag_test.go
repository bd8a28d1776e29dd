package httpapi

import (
	"net/http"
	"testing"
)

func TestIfMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header string
		want   int64 // 0: no condition
		status int   // of the problem
	}{
		{header: "", want: 0},
		{header: `"17"`, want: 17},
		{header: etag(1 << 40), want: 1 << 40},
		{header: `"017"`, status: 412},
		{header: `"-1"`, status: 412},
		{header: `"0"`, status: 412},
		{header: `W/"17"`, status: 412}, // a weak tag never matches strongly
		{header: `17`, status: 412},
		{header: `"`, status: 412},
		{header: `"abc"`, status: 412},
		{header: `"99999999999999999999"`, status: 412},
		{header: `*`, want: 0}, // whatever it is, as long as it is there
		{header: `"1", "2"`, status: 400},
	} {
		got, err := ifMatch(c.header)
		if status := statusOfError(err); status != c.status {
			t.Errorf("%q: got status %d (%v), want %d", c.header, status, err, c.status)
			continue
		}
		if c.status == 0 && (got == nil) != (c.want == 0) || got != nil && *got != c.want {
			t.Errorf("%q: got %v, want %d", c.header, got, c.want)
		}
	}
}

func TestPrecondition(t *testing.T) {
	t.Parallel()
	create, err := precondition("", "*")
	if err != nil || create == nil || *create != 0 {
		t.Errorf("If-None-Match: * gives %v, %v; want revision 0", create, err)
	}
	if none, err := precondition("", ""); none != nil || err != nil {
		t.Errorf("no condition gives %v, %v", none, err)
	}
	for _, c := range [][2]string{{`"1"`, "*"}, {"", `"1"`}} {
		if _, err := precondition(c[0], c[1]); statusOfError(err) != http.StatusBadRequest {
			t.Errorf("%v: got %v, want 400", c, err)
		}
	}
}

func TestHasTag(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		`"a"`: true, `W/"a"`: true, `"b", "a"`: true, `*`: true, `"b"`: false, `a`: false, ``: false, `"b",W/"c"`: false,
	} {
		if got := hasTag(header, `"a"`); got != want {
			t.Errorf("hasTag(%s) = %v", header, got)
		}
	}
}

// statusOfError is the status that an error is answered with; 0 for none.
func statusOfError(err error) int {
	if err == nil {
		return 0
	}
	return problemOf(err).Status
}
