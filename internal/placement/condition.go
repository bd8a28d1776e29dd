package placement

// Condition is one expression of an attribute filter (SOL013): what must hold of an attribute of the entries of a list.
type Condition struct {
	Operator Operator
	Path     []string // the names that lead to the attribute, the outermost first
	OfKey    bool     // it is about the keys of the map that the path leads to
	Values   []string // at least one, and exactly one but for in, nin, cont and ncont
	At       int      // where the expression begins in the filter, in bytes
}

// Operator is an operator of attribute filters, as the wire spells it.
type Operator string

// The operators.
const (
	OpEqual          Operator = "eq"
	OpNotEqual       Operator = "neq"
	OpIn             Operator = "in"
	OpNotIn          Operator = "nin"
	OpGreater        Operator = "gt"
	OpGreaterOrEqual Operator = "gte"
	OpLess           Operator = "lt"
	OpLessOrEqual    Operator = "lte"
	OpContains       Operator = "cont"  // one of the values is part of the string
	OpContainsNone   Operator = "ncont" // none is
)
