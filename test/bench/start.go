package main

import (
	"context"
	"time"

	"ringfence/test/bench/synthetic"
)

// The targets of B6, stated for startHosts.
const (
	startHosts   = 100_000
	targetStart  = 15 * time.Second
	targetMemory = 1.5 * 1024 // MiB
	targetImport = 120 * time.Second
)

// start measures B6: the import of a fleet with ten residents on every host, and a start of the service on that fleet.
func start(ctx context.Context, program string, hosts int) (r result, err error) {
	made := synthetic.New(synthetic.Options{Seed: seed, Hosts: hosts, Residents: 10, Occupied: 1, Now: time.Now().UTC()})
	err = withService(ctx, program, func(dataDir string, s *service) error {
		before, _ := s.usage()
		imported, err := s.load(ctx, made)
		if err != nil {
			return err
		}
		after, _ := s.usage()
		if err := s.Stop(); err != nil {
			return err
		}
		again, ready, err := startService(ctx, program, dataDir)
		if err != nil {
			return err
		}
		s.Process = again.Process // which is ended in its place
		r = startResult(hosts, imported, ready, after.since(before), s.PID())
		return nil
	})
	return r, err
}

func startResult(hosts int, imported, ready time.Duration, used usage, pid int) result {
	r := result{
		ID: "B6", Hosts: hosts, P50Ms: ms(ready), RatePerS: new(float64(hosts) / imported.Seconds()),
		Target: "start <= 15 s, memory <= 1536 MiB, import <= 120 s at 100k hosts; p50 is the start, rate the hosts imported",
		Details: []detail{
			{"residencies", float64(10 * hosts), ""}, {"start to ready", ready.Seconds(), "s"}, {"import", imported.Seconds(), "s"},
		},
	}
	met := ready <= targetStart && imported <= targetImport
	if now, peak, knows := resident(pid); knows {
		r.Details = append(r.Details, detail{"CPU for the import", used.ringfence.Seconds(), "s"},
			detail{"database's CPU for the import", used.database.Seconds(), "s"}, detail{"resident memory", now, "MiB"}, detail{"peak", peak, "MiB"})
		met = met && now <= targetMemory
	}
	if hosts == startHosts {
		r.Met = &met
	}
	return r
}
