package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"ringfence/internal/chart"
	"ringfence/internal/vnfd"
)

// renderCommand is the command that this program executes to render a chart in a process of its own.
const renderCommand = "render-chart"

func newRenderChart(p process) *cobra.Command {
	return &cobra.Command{
		Use: renderCommand, Hidden: true, Args: takes(), Short: "Render the Helm chart that comes on the standard input",
		Long: `Render a Helm chart for the process that started this one, and end. Before the first template is looked at this process gives up what
templates do not need: it opens no file and no connection any more, and has little memory and time.`,
		Example: "  ringfence render-chart < question.json  # ringfence vnfd lint and serve start it by themselves",
		RunE:    func(*cobra.Command, []string) error { return chart.Serve(p.stdin, p.stdout) },
	}
}

// renderChart renders a chart in a process of its own.
func renderChart(ctx context.Context, source vnfd.Chart) (vnfd.Rendered, error) {
	self, err := os.Executable()
	if err != nil {
		return vnfd.Rendered{}, errors.New("this program does not find itself, and renders charts in another process only")
	}
	return chart.Process{Command: []string{self, renderCommand}, Limits: chart.DefaultLimits}.Render(ctx, source)
}
