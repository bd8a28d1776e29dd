package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"path"
	"strings"
)

// embedded holds everything that the console serves beside the API documents.
//
//go:embed web swagger-ui
var embedded embed.FS

// The files that pages load, by their embedded path. An asset is served as /console/assets/NAME.HASH.EXT.
const (
	swaggerScript = "swagger-ui/swagger-ui-bundle.js.gz"
	swaggerStyle  = "swagger-ui/swagger-ui.css.gz"
	pageStyle     = "web/console.css"
	operationsCSS = "web/operations.css"
	themeScript   = "web/theme.js"
	consoleScript = "web/console.js"
	favicon       = "web/favicon.svg"
)

// site is what the console serves, by request path. Built once, read only.
type site map[string]*resource

// buildSite lays out the pages, their assets and the documents.
func buildSite(docs []Document) (site, error) {
	built := site{}
	assets, err := built.addAssets()
	if err != nil {
		return nil, err
	}
	if err := built.addPages(docs, assets); err != nil {
		return nil, err
	}
	for _, doc := range docs {
		document, err := pack("application/json; charset=utf-8", doc.JSON)
		if err != nil {
			return nil, err
		}
		built[root+"api/"+doc.Name+".json"] = document
	}
	return built, nil
}

// addAssets serves every embedded asset under a name with its hash, and returns these names relative to the
// console's root, by embedded path.
func (s site) addAssets() (map[string]string, error) {
	hashed := map[string]string{}
	for _, name := range []string{swaggerScript, swaggerStyle, pageStyle, operationsCSS, themeScript, consoleScript, favicon} {
		stored, err := embedded.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
		if name == operationsCSS {
			// The one file that refers to another: it puts Swagger UI's own style into a cascade layer below ours.
			stored = bytes.ReplaceAll(stored, []byte("swagger-ui.css"), []byte(path.Base(hashed[swaggerStyle])))
		}
		asset, err := newAsset(name, stored)
		if err != nil {
			return nil, err
		}
		asset.immutable = true
		base := strings.TrimSuffix(path.Base(name), ".gz")
		extension := path.Ext(base)
		hashed[name] = "assets/" + strings.TrimSuffix(base, extension) + "." + asset.hash + extension
		s[root+hashed[name]] = asset
	}
	return hashed, s.addNotices()
}

// addNotices serves whose work the console contains and under which licences, as these ask.
func (s site) addNotices() error {
	var text []byte
	for _, name := range []string{"VENDOR", "NOTICE", "LICENSE", "swagger-ui-bundle.js.LICENSE.txt"} {
		part, err := embedded.ReadFile("swagger-ui/" + name)
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		text = append(append(text, part...), '\n')
	}
	notices, err := pack(mediaTypes()[".txt"], text)
	if err != nil {
		return err
	}
	s[root+"notices.txt"] = notices
	return nil
}

// newAsset takes vendored files as they are stored, compressed, and compresses ours.
func newAsset(name string, stored []byte) (*resource, error) {
	plain, compressed := strings.CutSuffix(name, ".gz")
	mediaType := mediaTypes()[path.Ext(plain)]
	if compressed {
		return packed(mediaType, stored), nil
	}
	return pack(mediaType, stored)
}

// mediaTypes is by file extension. Without the charset the bundle is a syntax error to a browser.
func mediaTypes() map[string]string {
	return map[string]string{
		".css": "text/css; charset=utf-8",
		".js":  "text/javascript; charset=utf-8",
		".svg": "image/svg+xml; charset=utf-8",
		".txt": "text/plain; charset=utf-8",
	}
}

// page is what the template sees.
type page struct {
	Documents []Document
	Current   *Document // nil on the landing page
	Wordmark  template.HTML
	assets    map[string]string
}

// Asset is the URL of an embedded file, relative to the page.
func (p page) Asset(name string) (string, error) {
	url, ok := p.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return url, nil
}

// addPages renders the landing page and one page for each document.
func (s site) addPages(docs []Document, assets map[string]string) error {
	templates, err := template.New("page.html").Funcs(template.FuncMap{"purpose": purpose}).ParseFS(embedded, "web/page.html")
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	wordmark, err := embedded.ReadFile("web/wordmark.svg")
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	show := page{Documents: docs, Wordmark: template.HTML(wordmark), assets: assets} // #nosec G203 -- our own embedded file
	if err := s.addPage(templates, root, show); err != nil {
		return err
	}
	for i := range docs {
		show.Current = &docs[i]
		if err := s.addPage(templates, root+docs[i].Name, show); err != nil {
			return err
		}
	}
	return nil
}

func (s site) addPage(templates *template.Template, location string, show page) error {
	var html bytes.Buffer
	if err := templates.Execute(&html, show); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	rendered, err := pack("text/html; charset=utf-8", html.Bytes())
	if err != nil {
		return err
	}
	s[location] = rendered
	return nil
}

// purpose says in two sentences what an API is for; empty for an API that the console does not know.
func purpose(name string) string {
	switch name {
	case "grant":
		return "A VNFM asks here, as ETSI SOL003 has it, whether a network function's VMs and containers may run, and where. " +
			"The answer is a grant with its reservation, or a refusal that names the rules it rests on."
	case "nfvpolicy":
		return "The security architect stores the trust-domain policy here, version by version, with the life cycle of ETSI SOL012. " +
			"Only an activated version decides anything."
	case "inventory":
		return "What there is to place on and what is known of it: trust domains, hosts, runtimes, images, VNF profiles, and what already runs. " +
			"Attestation and scrub records arrive here as well, each with its evidence."
	case "placement":
		return "Try a request without reserving anything, and see for every host why it was taken or refused. " +
			"Recorded decisions, reservations and residencies are read here."
	case "directives":
		return "The NFVI reads here, in order and signed, what each host has to do: place, release, cache, purge. " +
			"It acknowledges each directive and reports what it observes."
	case "vnfpkgm":
		return "A VNFM reads onboarded VNF packages here, as ETSI SOL003 has it: what they are, their descriptors and their content. " +
			"They are onboarded in the inventory."
	default:
		return ""
	}
}
