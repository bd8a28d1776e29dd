package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"

	wire "ringfence/api/inventory"
	"ringfence/internal/auth"
	"ringfence/internal/placement"
)

// shownFindings is how many faults of a document an answer lists.
const shownFindings = 1000

// ImportInventory applies a document.
func (a inventoryAPI) ImportInventory(w http.ResponseWriter, r *http.Request, _ wire.ImportInventoryParams) {
	a.reply(w, r)(a.importDocument(r))
}

func (a inventoryAPI) importDocument(r *http.Request) (reply, error) {
	format, err := a.format()
	if err != nil {
		return reply{}, err
	}
	content, err := readAll(r)
	if err != nil {
		return reply{}, err
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return reply{}, newProblem(http.StatusUnsupportedMediaType, "Content-Type cannot be read")
	}
	doc, err := format.read(content, mediaType, a.Inventory.Now())
	if err != nil {
		return reply{}, err
	}
	result, err := a.Inventory.Import(r.Context(), auth.FromContext(r.Context()).ClientID, &doc.inventory, doc.faults, a.progress(r.Context()))
	if err != nil {
		return reply{}, doc.refusal(err)
	}
	return reply{status: http.StatusOK, body: importResultToWire(&result)}, nil
}

// readAll reads a body of any size.
func readAll(r *http.Request) ([]byte, error) {
	var content bytes.Buffer
	const trusted = 1 << 30 // a length that a client announces is made room for up to here
	if n := r.ContentLength; n > 0 {
		content.Grow(int(min(n, trusted)) + bytes.MinRead)
	}
	if _, err := content.ReadFrom(r.Body); err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, newProblem(http.StatusBadRequest, "the body ended before all of it had arrived; nothing was imported")
		}
		return nil, newProblem(http.StatusBadRequest, "the body could not be read; nothing was imported")
	}
	return content.Bytes(), nil
}

// progress logs how far a long import is.
func (a inventoryAPI) progress(ctx context.Context) func(done, total int) {
	return func(done, total int) {
		if done < total {
			a.log.LogAttrs(ctx, slog.LevelInfo, "import under way", slog.String("requestId", requestID(ctx)), slog.Int("done", done), slog.Int("total", total))
		}
	}
}

// refusal renders the faults of a document with their places, in the order of the document.
func (d *inventoryDocument) refusal(err error) error {
	var e *placement.Error
	if !errors.As(err, &e) || e.Kind != placement.Invalid || len(e.Findings) == 0 {
		return err
	}
	p := newProblem(http.StatusUnprocessableEntity, e.Message)
	findings := d.locate(e.Findings)
	if len(findings) > shownFindings {
		p.Detail += fmt.Sprintf("; findings has the first %d", shownFindings)
		findings = findings[:shownFindings]
	}
	for i := range findings {
		p.Findings = append(p.Findings, findingToWire(&findings[i]))
	}
	return p
}

func importResultToWire(r *placement.ImportResult) wire.ImportResult {
	w := wire.ImportResult{Counts: make(map[string]wire.ImportCounts, len(r.Counts)), PolicyEpoch: r.PolicyEpoch, ChangeSeq: r.Position.String()}
	for list, c := range r.Counts {
		w.Counts[list] = wire.ImportCounts{Created: int64(c.Created), Updated: int64(c.Updated), Unchanged: int64(c.Unchanged)}
	}
	return w
}
