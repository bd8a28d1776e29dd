// Package literal judges placements as the rules are written, slowly: naive loops over plain data, nothing prepared,
// nothing shared with the product but the records of the domain. Tests let it judge random small worlds beside the
// product's compiler, filter and judge; where they disagree, one of the two has misread the rules.
//
// It must not import the policy, the fleet or the solver: what both use cannot be checked.
package literal
