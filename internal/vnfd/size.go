package vnfd

import (
	"math/big"
	"regexp"
	"strings"
)

// sizeUnits are the units of TOSCA's scalar-unit.size in bytes; they are written in any case.
var sizeUnits = map[string]int64{
	"b": 1, "kb": 1000, "kib": 1 << 10, "mb": 1000 * 1000, "mib": 1 << 20, "gb": 1000 * 1000 * 1000, "gib": 1 << 30,
	"tb": 1000 * 1000 * 1000 * 1000, "tib": 1 << 40,
}

var sizeForm = regexp.MustCompile(`^([0-9]{1,18}(?:\.[0-9]{1,9})?) *([A-Za-z]{1,3})$`)

// bytesOf reads a scalar-unit.size.
func bytesOf(text string) (int64, bool) {
	m := sizeForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, false
	}
	unit, known := sizeUnits[strings.ToLower(m[2])]
	if !known {
		return 0, false
	}
	amount, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return 0, false
	}
	amount.Mul(amount, new(big.Rat).SetInt64(unit))
	whole := new(big.Int).Add(amount.Num(), new(big.Int).Sub(amount.Denom(), big.NewInt(1)))
	whole.Quo(whole, amount.Denom())
	if !whole.IsInt64() || whole.Int64() > maxAmount {
		return 0, false
	}
	return whole.Int64(), true
}

// maxAmount is what an amount of a dimension may be at most: what JSON numbers hold exactly.
const maxAmount = 1<<53 - 1

// perUnit is how many units of a size hold so many bytes: rounded up, for what is asked for has to fit.
func perUnit(bytes, unit int64) int64 { return (bytes + unit - 1) / unit }

const mebibyte = 1 << 20
