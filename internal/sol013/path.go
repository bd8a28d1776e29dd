package sol013

import (
	"fmt"
	"strings"
)

// keyName stands in a path for the keys of a map.
const keyName = "@key"

// splitPath reads the path of an attribute: names joined by slashes, each with its escapes. OfKey tells that the keys of the map at
// its end are meant.
func splitPath(text string) (path []string, ofKey bool, err error) {
	names := strings.Split(text, "/")
	for i, name := range names {
		switch {
		case name == "":
			return nil, false, fmt.Errorf("the attribute %s has an empty name in its path", shown(text))
		case name == keyName && i > 0 && i == len(names)-1:
			return path, true, nil
		case name[0] == '@':
			return nil, false, fmt.Errorf("the attribute %s has an @ where only @key can stand, at the end of a path; a name that begins with one is written ~b", shown(text))
		}
		if name, err = unescapeName(name); err != nil {
			return nil, false, err
		}
		path = append(path, name)
	}
	return path, false, nil
}

// unescapeName undoes the escapes of attribute names: ~0 is ~, ~1 is /, ~a is a comma, ~b is @.
func unescapeName(name string) (string, error) {
	for i := 0; i < len(name); i++ {
		if name[i] != '~' {
			continue
		}
		if i++; i == len(name) || !strings.ContainsRune("01ab", rune(name[i])) {
			return "", fmt.Errorf("the attribute %s has a ~ that begins none of the escapes ~0, ~1, ~a, ~b", shown(name))
		}
	}
	return strings.NewReplacer("~0", "~", "~1", "/", "~a", ",", "~b", "@").Replace(name), nil
}

// EscapeName writes a name as it stands in paths.
func EscapeName(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", ",", "~a", "@", "~b").Replace(name)
}
