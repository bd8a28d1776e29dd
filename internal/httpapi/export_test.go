package httpapi

import "github.com/go-chi/chi/v5"

// Routes gives the tests what is mounted, to compare it with the contract.
func (s *Server) Routes() chi.Routes { return s.mux }
