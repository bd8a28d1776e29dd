package sol013

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// MarkerParameter is the query parameter that says where a page starts.
const MarkerParameter = "nextpage_opaque_marker"

// MarkerLife is for how long a marker leads on.
const MarkerLife = 24 * time.Hour

// Markers makes and reads the markers of paged lists. A marker says behind which entry the next page starts. It is authenticated,
// because what it says goes into the query, and bound to what it was issued for, so that nobody goes on with another client's list, or
// with another filter than the pages before.
type Markers struct{ key []byte }

// NewMarkers takes a secret that replicas share, of 32 bytes that nothing else is authenticated with.
func NewMarkers(key []byte) Markers { return Markers{key: key} }

// A marker is, in base64url: the form's number, the second in which it was issued, the code, and the key of the entry.
const (
	markerForm   = 1
	markerHead   = 1 + 8
	markerCode   = 16
	markerPrefix = markerHead + markerCode
)

// Issue makes the marker of the page behind the entry with a key. Bound is what it holds for, in the order in which Open is given it.
func (m Markers) Issue(now time.Time, entry string, bound ...string) string {
	head := binary.BigEndian.AppendUint64([]byte{markerForm}, uint64(now.Unix()))
	marker := append(head, m.code(head, entry, bound)...)
	return base64.RawURLEncoding.EncodeToString(append(marker, entry...))
}

// Open returns the key of the entry behind which the page starts; empty for no marker. A marker that was changed, that was issued
// for something else, or too long ago, is a *Fault.
func (m Markers) Open(now time.Time, marker string, bound ...string) (string, error) {
	if marker == "" {
		return "", nil
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(marker)
	if err != nil || len(data) < markerPrefix || data[0] != markerForm || strings.ContainsAny(marker, "\r\n") { // which base64 skips
		return "", badMarker("is none of this service")
	}
	entry := string(data[markerPrefix:])
	if !hmac.Equal(data[markerHead:markerPrefix], m.code(data[:markerHead], entry, bound)) {
		return "", badMarker("was not issued to this client for this list with this filter")
	}
	if issued := time.Unix(int64(binary.BigEndian.Uint64(data[1:markerHead])), 0); now.Sub(issued) > MarkerLife {
		return "", badMarker("was issued more than " + MarkerLife.String() + " ago")
	}
	return entry, nil
}

func badMarker(why string) error {
	return &Fault{Parameter: MarkerParameter, Reason: MarkerParameter + " " + why + "; follow the Link header of the page before, or start without it"}
}

// code authenticates the parts of a marker, each with its length, so that none passes for a part of another.
func (m Markers) code(head []byte, entry string, bound []string) []byte {
	mac := hmac.New(sha256.New, m.key)
	mac.Write(head)
	for _, part := range append([]string{entry}, bound...) {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:markerCode]
}
