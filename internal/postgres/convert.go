package postgres

import "ringfence/internal/placement"

// convert maps a list; nil stays nil.
func convert[A, B any](as []A, f func(A) B) []B {
	if as == nil {
		return nil
	}
	bs := make([]B, len(as))
	for i, a := range as {
		bs[i] = f(a)
	}
	return bs
}

// tryConvert maps a list with a function that may fail; nil stays nil.
func tryConvert[A, B any](as []A, f func(A) (B, error)) ([]B, error) {
	if as == nil {
		return nil, nil
	}
	bs := make([]B, len(as))
	for i, a := range as {
		b, err := f(a)
		if err != nil {
			return nil, err
		}
		bs[i] = b
	}
	return bs, nil
}

// addressOf makes a conversion return its result's address.
func addressOf[R, T any](from func(*R) (T, error)) func(*R) (*T, error) {
	return func(r *R) (*T, error) {
		t, err := from(r)
		return &t, err
	}
}

// isolationName leaves the zero value, which means that nothing was stated, out of documents.
func isolationName(i placement.Isolation) string {
	if i == placement.IsolationNone {
		return ""
	}
	return i.String()
}

func isolationFromName(name string) (placement.Isolation, error) {
	if name == "" {
		return placement.IsolationNone, nil
	}
	return placement.ParseIsolation(name)
}

func cacheModeFromName(name string) (placement.CacheMode, error) {
	if name == "" {
		return placement.CacheUnset, nil
	}
	return placement.ParseCacheMode(name)
}
