package notify

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// names is a name server of a test: for each name the addresses of each answer, one after the other; the last stays. What it does
// not know it answers as hostilely as it can, with loopback addresses.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   int
}

func newNames(answers map[string][][]string) *names { return &names{answers: answers} }

// resolver asks the name server, and no other.
func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go n.serve(there)
		return here, nil
	}}
}

// serve answers queries as DNS over TCP has them: each with its length before it.
func (n *names) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := n.answer(query)
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

const (
	typeA    = 1
	typeAAAA = 28
)

// answer answers a query with one question (RFC 1035, 4.1), with a time to live of 0.
func (n *names) answer(query []byte) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		length := int(query[at])
		labels = append(labels, string(query[at+1:at+1+length]))
		at += 1 + length
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	end := at + 5
	var records []byte
	count := uint16(0)
	for _, text := range n.addresses(strings.Join(labels, "."), kind) {
		addr := netip.MustParseAddr(text)
		if addr.Is4() != (kind == typeA) {
			continue
		}
		records = append(records, 0xc0, 12) // the name is that of the question
		records = binary.BigEndian.AppendUint16(records, kind)
		records = append(records, 0, 1, 0, 0, 0, 0)
		records = binary.BigEndian.AppendUint16(records, uint16(addr.BitLen()/8))
		records = append(records, addr.AsSlice()...)
		count++
	}
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1}, byte(count>>8), byte(count), 0, 0, 0, 0)
	return append(append(out, query[12:end]...), records...)
}

// addresses takes the next answer with the question for IPv4 addresses, which comes with every resolution.
func (n *names) addresses(name string, kind uint16) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	list, known := n.answers[name]
	if !known {
		return []string{"127.0.0.1", "::1"}
	}
	first := list[0]
	if kind == typeA {
		n.asked++
		if len(list) > 1 {
			n.answers[name] = list[1:]
		}
	}
	return first
}

// listenOn counts connections to an address, and answers them as a subscriber does.
func listenOn(t *testing.T, address string) *counted {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Skipf("this machine cannot listen on %s: %v", address, err)
	}
	return serveCounted(t, l)
}
