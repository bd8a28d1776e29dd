package grant

import (
	"encoding/json"
	"errors"
)

// ResourceTemplateID lists the templates of the VNF descriptor that a resource is made from (SOL003
// ResourceDefinition). Clients up to SOL003 3.x send one as a string, clients since 4.x an array;
// both are read, and an array is written.
type ResourceTemplateID []string

// UnmarshalJSON reads a string or an array of strings.
func (t *ResourceTemplateID) UnmarshalJSON(data []byte) error {
	var several []string // null as well: nothing
	if err := json.Unmarshal(data, &several); err == nil {
		*t = several
		return nil
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return errors.New("resourceTemplateId must be a string or an array of strings")
	}
	*t = ResourceTemplateID{one}
	return nil
}
