package httpapi

import (
	"context"

	"github.com/go-chi/chi/v5"
)

// Routes gives the tests what is mounted, to compare it with the contract.
func (s *Server) Routes() chi.Routes { return s.mux }

// RecordRefusalsNow records who was refused until now.
func (s *Server) RecordRefusalsNow(ctx context.Context) { s.recordRefusals(ctx) }

// SetPageSize makes pages shorter, to have several of what there is little of. No request may be under way.
func (s *Server) SetPageSize(entries int) { s.pageSize = entries }

// MaxRefusals is how many refusals are told apart at a time.
const MaxRefusals = maxRefusals
