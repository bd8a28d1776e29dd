package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// metrics are sums over everything of a name that the service counts.
type metrics map[string]float64

// metrics reads what the service counts of itself.
func (s *service) metrics(ctx context.Context) (metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Admin+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New("/metrics: " + answer.Status)
	}
	m := metrics{}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, rest, found := strings.Cut(lines.Text(), " ")
		if labels := strings.IndexByte(name, '{'); labels >= 0 {
			_, rest, found = strings.Cut(lines.Text(), "} ")
			name = name[:labels]
		}
		if value, err := strconv.ParseFloat(rest, 64); err == nil && found {
			m[name] += value
		}
	}
	return m, lines.Err()
}

// mean is the mean of a histogram since an earlier reading, in ms.
func (m metrics) mean(before metrics, histogram string) float64 {
	count := m[histogram+"_count"] - before[histogram+"_count"]
	return 1000 * (m[histogram+"_sum"] - before[histogram+"_sum"]) / max(count, 1)
}
