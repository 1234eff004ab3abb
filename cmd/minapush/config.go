package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// A setting has one name: the flag --listen-public is MINAPUSH_LISTEN_PUBLIC in the environment and listen-public in the file of
// --config. A flag goes over the environment, that over the file, and that over the default. The file may hold the flags of every
// command, so that one file serves them all; each command takes what is its own.

// configFlag names the file. It is the one setting that cannot stand in the file.
const configFlag = "config"

// noConfig marks, as an annotation, commands that take nothing from environment and file: they are about these themselves.
const noConfig = "no-config"

// onlyGiven marks, as an annotation, a flag that takes nothing from environment and file: its name means something else there.
const onlyGiven = "only-given"

// originKey is the annotation of a flag that tells where its value came from: an origin and a place.
const originKey = "minapush_origin"

// Where a value came from.
const (
	fromDefault     = "default"
	fromFile        = "file"
	fromEnvironment = "environment"
	fromFlag        = "flag"
)

// configure gives each flag of a command that was not given on the command line its value.
func (e *env) configure(cmd *cobra.Command) error {
	if cmd.Annotations[noConfig] != "" || strings.HasPrefix(cmd.Name(), cobra.ShellCompRequestCmd) {
		return nil
	}
	if err := e.fromEnvironment(cmd); err != nil {
		return err
	}
	path, err := cmd.Flags().GetString(configFlag)
	if err != nil || path == "" {
		return err
	}
	given, err := readConfig(path)
	if err != nil {
		return err
	}
	return given.apply(cmd.Flags())
}

// fromEnvironment sets each flag that was not given from MINAPUSH_<FLAG>, and refuses variables that no command knows.
func (e *env) fromEnvironment(cmd *cobra.Command) error {
	var problems []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		v := e.getenv(envName(f.Name))
		if v == "" || f.Changed || f.Annotations[onlyGiven] != nil || !isSetting(f.Name) && f.Name != configFlag {
			return
		}
		if err := cmd.Flags().Set(f.Name, v); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", envName(f.Name), err))
		}
		setOrigin(f, fromEnvironment, envName(f.Name))
	})
	known := map[string]bool{langVariable: true}
	everyFlag(cmd.Root(), func(f *pflag.Flag) { known[envName(f.Name)] = true })
	for _, kv := range e.environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "MINAPUSH_") && !known[name] && !strings.HasPrefix(name, "MINAPUSH_TEST_") {
			problems = append(problems, fmt.Errorf("environment: %s is not a setting of any command", name))
		}
	}
	return errors.Join(problems...)
}

func envName(flag string) string {
	return "MINAPUSH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isSetting tells flags that a file may hold from those that only make sense on the command line.
func isSetting(flag string) bool { return flag != "help" && flag != "version" && flag != configFlag }

// everyFlag visits the flags of a command and all below it.
func everyFlag(cmd *cobra.Command, f func(*pflag.Flag)) {
	cmd.Flags().VisitAll(f)
	cmd.PersistentFlags().VisitAll(f)
	for _, c := range cmd.Commands() {
		everyFlag(c, f)
	}
}

func setOrigin(f *pflag.Flag, origin, place string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[originKey] = []string{origin, place}
}

// originOf tells where the value of a flag came from.
func originOf(f *pflag.Flag) (origin, place string) {
	switch at := f.Annotations[originKey]; {
	case len(at) == 2:
		return at[0], at[1]
	case f.Changed:
		return fromFlag, "--" + f.Name
	}
	return fromDefault, ""
}

// configFile is what a file holds, in its order.
type configFile struct {
	path    string
	entries []configEntry
}

// configEntry is one key with its value.
type configEntry struct {
	key    string
	line   int
	values []string
	list   bool
}

// readConfig reads a file and refuses it as a whole if a key is not a flag of any command, or a value is not one that it takes.
func readConfig(path string) (configFile, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return configFile{}, fmt.Errorf("configuration: %w", err)
	}
	file, err := parseConfig(path, b)
	if err != nil {
		return configFile{}, err
	}
	// A tree of commands of its own, whose flags can be set without harm.
	return file, file.check(newRoot(&env{stdout: io.Discard, stderr: io.Discard}))
}

// parseConfig reads a YAML document: keys on one level, each with one value or a list of values.
func parseConfig(path string, b []byte) (configFile, error) {
	file := configFile{path: path}
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(b))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return file, nil // nothing but comments
	case err != nil:
		return file, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return file, fmt.Errorf("%s: must hold one document only", path)
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return file, nil
	}
	if top.Kind != yaml.MappingNode {
		return file, fmt.Errorf(`%s:%d: must be lines such as "listen: 127.0.0.1:7330"`, path, top.Line)
	}
	seen := map[string]int{}
	var problems []error
	for i := 0; i+1 < len(top.Content); i += 2 {
		entry, err := readEntry(top.Content[i], top.Content[i+1])
		if first, twice := seen[entry.key]; err == nil && twice {
			err = fmt.Errorf("is given twice, first on line %d", first)
		}
		seen[entry.key] = entry.line
		if err != nil {
			problems = append(problems, file.at(entry, err))
		}
		file.entries = append(file.entries, entry)
	}
	return file, errors.Join(problems...)
}

func readEntry(key, value *yaml.Node) (configEntry, error) {
	entry := configEntry{key: key.Value, line: key.Line}
	nodes := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		entry.list, nodes = true, value.Content
	}
	for _, n := range nodes {
		switch {
		case n.Kind != yaml.ScalarNode:
			return entry, errors.New("must be one value or a list of values")
		case n.Tag == "!!null":
			return entry, errors.New(`has no value; write "" for an empty text`)
		}
		entry.values = append(entry.values, n.Value)
	}
	return entry, nil
}

func (c configFile) at(e configEntry, err error) error {
	return fmt.Errorf("%s:%d: %.64s: %w", c.path, e.line, e.key, err)
}

// check refuses keys that no command has, and values that a flag of their name does not take.
func (c configFile) check(root *cobra.Command) error {
	flags := map[string][]*pflag.Flag{}
	everyFlag(root, func(f *pflag.Flag) {
		if isSetting(f.Name) {
			flags[f.Name] = append(flags[f.Name], f)
		}
	})
	var problems []error
	for _, e := range c.entries {
		var err error
		if len(flags[e.key]) == 0 {
			err = errors.New("is not a setting of any command")
			if meant := strings.ReplaceAll(strings.ToLower(e.key), "_", "-"); flags[meant] != nil {
				err = fmt.Errorf("%w; did you mean %s?", err, meant)
			}
		}
		for _, f := range flags[e.key] {
			if err == nil {
				err = e.set(f)
			}
		}
		if err != nil {
			problems = append(problems, c.at(e, err))
		}
	}
	return errors.Join(problems...)
}

// apply sets each flag that was not given and that the file has.
func (c configFile) apply(flags *pflag.FlagSet) error {
	var problems []error
	for _, e := range c.entries {
		f := flags.Lookup(e.key)
		if f == nil || f.Changed || f.Annotations[onlyGiven] != nil || !isSetting(f.Name) {
			continue
		}
		if err := e.set(f); err != nil {
			problems = append(problems, c.at(e, err))
			continue
		}
		f.Changed = true // so that a required one counts as given
		setOrigin(f, fromFile, fmt.Sprintf("%s:%d", c.path, e.line))
	}
	return errors.Join(problems...)
}

// set gives a flag the value. The error says which type it wants.
func (e configEntry) set(f *pflag.Flag) error {
	list, isList := f.Value.(pflag.SliceValue)
	var err error
	switch {
	case e.list && !isList:
		return errors.New("must be one value, not a list")
	case e.list:
		err = list.Replace(e.values)
	default:
		err = f.Value.Set(e.values[0])
	}
	if err == nil {
		return nil
	}
	if want, ok := wanted[f.Value.Type()]; ok {
		return fmt.Errorf("must be %s, not %.64q", want, strings.Join(e.values, ", "))
	}
	return err
}

// wanted says what a type of flag takes.
var wanted = map[string]string{
	"bool": "true or false", "int": "a whole number", "int64": "a whole number", "uint": "a whole number from 0",
	"uint64": "a whole number from 0", "float64": "a number", "duration": "a duration such as 90s or 1h30m",
}
