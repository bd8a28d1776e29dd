package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestReservationSets(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const grantID = "0d6a5c7e-9b1f-4c59-8f59-3f6e9c3f7b11"
	s.json("POST /placement/v1/reservations", 201, example(t, "placement", "ReservedForVnfm"))
	got := s.command(t, `{"vnfInstanceId":"upf-2"}`, "reservation", "reserve", "-", "--on-behalf-of", "tacker-lon")
	if got.code != exitOK || s.last().body != `{"grantRequest":{"vnfInstanceId":"upf-2"},"onBehalfOf":"tacker-lon"}` ||
		!strings.Contains(got.stdout, "reserved   "+grantID) || !strings.Contains(got.stdout, "pfe-0      h02    runc") {
		t.Errorf("got %+v, sent %+v", got, s.last())
	}
	if got := s.command(t, `{}`, "reservation", "reserve", "-", "-o", "name"); got.stdout != grantID+"\n" {
		t.Errorf("got %+v", got)
	}
	s.json("POST /placement/v1/reservations", 403, example(t, "placement", "ReservationRefused"))
	if got := s.command(t, `{}`, "reservation", "reserve", "-"); got.code != exitRefused {
		t.Errorf("got %+v", got)
	}
	for command, action := range map[string]string{"confirm": "confirm", "give-back": "release"} {
		s.on("POST /placement/v1/reservation_sets/"+grantID+"/"+action, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		if got := s.command(t, "", "reservation", command, grantID); got.code != exitOK || !strings.HasPrefix(got.stdout, "what was reserved under "+grantID+" is ") {
			t.Errorf("%s: got %+v", command, got)
		}
	}
}
