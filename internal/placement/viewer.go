package placement

import "context"

// Viewer is who reads for itself, as the database narrows what it shows: a caller of the APIs, never a decision, which
// must see everything.
type Viewer struct {
	ClientID string
	ReadsAll bool // what others run, too: operations staff, authors and approvers of policies, auditors
	LI       bool // what belongs to lawful interception, too
}

type viewerKey struct{}

// WithViewer returns a context whose reads are those of a caller.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// ViewerFrom returns for whom a context reads; false where the service reads for itself.
func ViewerFrom(ctx context.Context) (Viewer, bool) {
	v, ok := ctx.Value(viewerKey{}).(Viewer)
	return v, ok
}
