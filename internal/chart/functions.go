package chart

import (
	"fmt"
	"maps"
	"slices"
	"text/template"
)

// undetermined are the functions whose result does not depend on the chart and its values alone.
var undetermined = []string{
	// The clock.
	"ago", "date", "date_in_zone", "date_modify", "dateInZone", "dateModify", "durationRound", "htmlDate", "htmlDateInZone", "must_date_modify",
	"mustDateModify", "now",
	// Random numbers.
	"bcrypt", "encryptAES", "genCA", "genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert",
	"genSignedCertWithKey", "htpasswd", "randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric", "shuffle", "uuidv4",
	// The cluster, the environment, the network.
	"env", "expandenv", "getHostByName", "lookup",
}

// deterministic replaces what is not: functions that are left out, and those that depend on the order of a map.
func deterministic() template.FuncMap {
	functions := template.FuncMap{
		"keys":   sortedKeys,
		"values": sortedValues,
	}
	for _, name := range undetermined {
		functions[name] = func(...any) (any, error) {
			return nil, fmt.Errorf("the function %s is not evaluated: %w", name, errNotHere)
		}
	}
	return functions
}

func sortedKeys(dicts ...map[string]any) []string {
	var out []string
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func sortedValues(dict map[string]any) []any {
	out := make([]any, 0, len(dict))
	for _, key := range slices.Sorted(maps.Keys(dict)) {
		out = append(out, dict[key])
	}
	return out
}
