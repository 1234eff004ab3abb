package console

// chart is what a page draws, and shows as a table: values by place on the x axis.
type chart struct {
	// Kind is bar or line.
	Kind string `json:"kind"`
	// Stack puts the series on top of each other.
	Stack  bool     `json:"stack,omitempty"`
	X      []string `json:"x"`
	Series []series `json:"series"`
}

// series is one row of values, as long as the chart's X.
type series struct {
	Name string `json:"name"`
	// Text, if not empty, is the name of the words that are shown as Name: see chart.worded.
	Text string `json:"-"`
	// Tone names a colour that both appearances have: good, bad, warn, calm, quiet; empty: the next one.
	Tone   string  `json:"tone,omitempty"`
	Values []int64 `json:"values"`
}

// worded is the chart with the words of its series.
func (c chart) worded(say func(name string) string) chart {
	all := make([]series, len(c.Series))
	for i, s := range c.Series {
		if s.Text != "" {
			s.Name = say(s.Text)
		}
		all[i] = s
	}
	c.Series = all
	return c
}
