package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringfence/test/server"
)

// TestConsole runs console.test.mjs against a server of its own. Its screenshots stay when RINGFENCE_E2E_SCREENSHOTS
// names a folder for them.
func TestConsole(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	chromium, node := findChromium(t), findNode(ctx, t)
	installPackages(ctx, t)
	screenshots := os.Getenv("RINGFENCE_E2E_SCREENSHOTS")
	if screenshots == "" {
		screenshots = t.TempDir()
	}
	running := server.Run(ctx, t, server.Options{})
	loadReference(ctx, t, running)

	command := exec.CommandContext(ctx, node, "console.test.mjs")
	command.Env = append(os.Environ(), "RINGFENCE_URL="+running.URL, "CHROMIUM="+chromium, "SCREENSHOTS="+screenshots)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the browser test failed: %v\n%s", err, output)
	}
	passed := regexp.MustCompile(`(?m)^(?:#|ℹ) pass (\d+)$`).FindSubmatch(output)
	if passed == nil || string(passed[1]) == "0" {
		t.Fatalf("the browser test ended without a passed test:\n%s", output)
	}
	t.Logf("%s browser tests passed", passed[1])
}

// findChromium is the first of the browser's usual names that is installed.
func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome",
		"/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	t.Fatal("this test drives a real browser and found none: install Chromium (Debian, Alpine, Fedora: package chromium), " +
		"or run `make browser`, which does")
	return ""
}

// findNode refuses a Node.js that playwright-core cannot run on.
func findNode(ctx context.Context, t *testing.T) string {
	t.Helper()
	const oldest = 18
	advice := "install Node.js " + strconv.Itoa(oldest) + " or newer with npm (Debian, Alpine, Fedora: packages nodejs and npm), " +
		"or run `make browser`, which does"
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test drives the browser by a Node.js script and found no node: %s", advice)
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Fatalf("this test installs its packages with npm and found none: %s", advice)
	}
	version, err := exec.CommandContext(ctx, node, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v; %s", node, err, advice)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if number, err := strconv.Atoi(major); err != nil || number < oldest {
		t.Fatalf("%s is version %s: %s", node, strings.TrimSpace(string(version)), advice)
	}
	return node
}

// installPackages fetches what package-lock.json pins, unless it is there, without running any script of theirs.
func installPackages(ctx context.Context, t *testing.T) {
	t.Helper()
	locked, err := os.Stat("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	installed, err := os.Stat(filepath.Join("node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(locked.ModTime()) {
		return
	}
	output, err := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput()
	if err != nil {
		t.Fatalf("npm ci in test/e2e: %v\n%s", err, output)
	}
}
