package httpapi_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkImport measures the import of a fleet with ten residents on every host, over HTTP and with the database;
// RINGFENCE_BENCH_HOSTS says how many hosts.
func BenchmarkImport(b *testing.B) {
	hosts := 1000
	if text := os.Getenv("RINGFENCE_BENCH_HOSTS"); text != "" {
		var err error
		if hosts, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	document := largeFleet(hosts)
	for b.Loop() {
		b.StopTimer()
		a := newAPI(b)
		b.StartTimer()
		a.importDocument("operator", "application/json", document).want(200)
		b.StopTimer()
		start := time.Now()
		b.ReportMetric(float64(len(a.export("application/json").body))/1e6, "MB-exported")
		b.ReportMetric(time.Since(start).Seconds(), "s/export")
		b.StartTimer()
	}
	b.ReportMetric(float64(len(document))/1e6, "MB-imported")
}

func largeFleet(hosts int) string {
	var doc strings.Builder
	doc.WriteString(`{"kind":"Inventory","trustDomains":[{"id":"TD-A","category":"CONTROL_PLANE","sensitivity":3,"exclusive":false,"requiresPhysicalSecurity":false}],` +
		`"nfviPops":[{"id":"LON","country":"GB"}],"resourceZones":[{"id":"LON-A","nfviPopId":"LON"}],"hostPools":[{"id":"P","allowedTrustDomainIds":["TD-A"]}],` +
		`"runtimeClasses":[{"name":"kata","isolation":"VM"}],"hosts":[`)
	for h := range hosts {
		if h > 0 {
			doc.WriteString(",\n")
		}
		fmt.Fprintf(&doc, `{"id":"host-%06d","hostPoolId":"P","nfviPopId":"LON","resourceZoneId":"LON-A","rackId":"r%d","physicallySecure":true,"hypervisorClass":"TYPE1",`+
			`"runtimes":["kata"],"capabilities":["TPM2","ENC_STORAGE"],"capacity":{"cpuMillis":64000,"memoryMiB":262144,"ephemeralStorageMiB":1048576},`+
			`"lifecycle":"IN_SERVICE","attestation":{"state":"TRUSTED","age":"10m","verifier":"v"}}`, h, h/40)
	}
	doc.WriteString(`],"residencies":[`)
	const residents = 10
	for i := range hosts * residents {
		if i > 0 {
			doc.WriteString(",\n")
		}
		fmt.Fprintf(&doc, `{"id":"res-%07d","hostId":"host-%06d","vnfInstanceId":"vnf-%d","nf":{"nfType":"AMF"},"componentId":"sig","trustDomainId":"TD-A",`+
			`"roles":["SIGNALLING"],"runtime":"kata","resources":{"cpuMillis":2000,"memoryMiB":4096}}`, i, i/residents, i%5000)
	}
	doc.WriteString(`]}`)
	return doc.String()
}
