package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain/keyringtest"
)

// mcpVar names the main script of an audiobookshelf-mcp (ni-c), which is tried on demand:
// SHELFKEEPER_MCP=…/dist/index.js go test ./cmd/shelfkeeper -run MCPServers -v
const mcpVar = "SHELFKEEPER_MCP"

// An assistant's tools read libraries with a grant of scope listen, and see no token of
// the server. openapi-mcp-server makes tools of a description of the API.
func TestMCPServers(t *testing.T) {
	t.Parallel()
	keyringtest.Need(t, "node")
	s, p, url, grant := signedIn(t, absfake.Config{AccessTTL: 2 * time.Second})
	api, err := filepath.Abs(filepath.Join("testdata", "abs-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		script string
		env    []string
	}{
		{"openapi-mcp-server", nodeModule(t, "@ivotoby/openapi-mcp-server", "bin", "mcp-server.js"),
			[]string{"API_BASE_URL=" + url, "OPENAPI_SPEC_PATH=" + api, "API_HEADERS=Authorization:Bearer " + grant}},
		{"audiobookshelf-mcp", os.Getenv(mcpVar), []string{"AUDIOBOOKSHELF_URL=" + url, "AUDIOBOOKSHELF_API_KEY=" + grant}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.script == "" {
				t.Skip("it is tried where " + mcpVar + " names its main script")
			}
			m := startMCP(t, c.script, append(p.env, c.env...))
			heard := m.call("initialize", map[string]any{"protocolVersion": "2024-11-05", "capabilities": map[string]any{},
				"clientInfo": map[string]any{"name": "test", "version": "1"}})
			m.send(map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"})
			var list struct {
				Tools []struct {
					Name        string
					InputSchema struct{ Required []string }
					Annotations struct{ ReadOnlyHint *bool }
				}
			}
			if err := json.Unmarshal(m.call("tools/list", map[string]any{}), &list); err != nil {
				t.Fatal(err)
			}
			called := 0
			for _, tool := range list.Tools {
				if writes := tool.Annotations.ReadOnlyHint; len(tool.InputSchema.Required) > 0 || writes != nil && !*writes {
					continue
				}
				called++
				answer := m.call("tools/call", map[string]any{"name": tool.Name, "arguments": map[string]any{}})
				// The server itself gives tags and genres to administrators only.
				ofAdmin := strings.Contains(string(answer), "/api/tags failed with HTTP 403") ||
					strings.Contains(string(answer), "/api/genres failed with HTTP 403")
				if strings.Contains(string(answer), `"isError":true`) && !ofAdmin {
					t.Errorf("%s: %.300s", tool.Name, answer)
				}
				heard = append(heard, answer...)
			}
			t.Logf("%d tools, %d called", len(list.Tools), called)
			if called < 3 || !strings.Contains(string(heard), s.Library().Name) || !strings.Contains(string(heard), user) {
				t.Errorf("%d tools called; heard %.1000s", called, heard)
			}
			p.noServerToken(s, string(heard))
		})
	}
}

// nodeModule returns a file of a package that .ci/run installs.
func nodeModule(t *testing.T, path ...string) string {
	t.Helper()
	folder := os.Getenv("SHELFKEEPER_NODE")
	file := filepath.Join(append([]string{folder, "node_modules"}, path...)...)
	if _, err := os.Stat(file); folder == "" || err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("SHELFKEEPER_NODE names no folder with %s, and CI=true", path[0])
		}
		t.Skipf("SHELFKEEPER_NODE names no folder with %s", path[0])
	}
	return file
}

// mcpServer is a server of the Model Context Protocol: a JSON message a line.
type mcpServer struct {
	t     *testing.T
	in    io.Writer
	lines *bufio.Scanner
	last  int
}

func startMCP(t *testing.T, script string, env []string) *mcpServer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	cmd := exec.CommandContext(ctx, "node", script)
	var said strings.Builder
	cmd.Env, cmd.Stderr = env, &said
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("it said %s", said.String())
		}
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	return &mcpServer{t: t, in: in, lines: lines}
}

func (m *mcpServer) send(message map[string]any) {
	m.t.Helper()
	if err := json.NewEncoder(m.in).Encode(message); err != nil {
		m.t.Fatal(err)
	}
}

// call returns the result of a request.
func (m *mcpServer) call(method string, params map[string]any) json.RawMessage {
	m.t.Helper()
	m.last++
	m.send(map[string]any{"jsonrpc": "2.0", "id": m.last, "method": method, "params": params})
	for m.lines.Scan() {
		var in struct {
			ID     int
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(m.lines.Bytes(), &in); err != nil {
			m.t.Fatalf("%s: %v: %s", method, err, m.lines.Bytes())
		}
		switch {
		case in.ID != m.last: // a notice of its own
		case in.Error != nil:
			m.t.Fatalf("%s: %s", method, in.Error)
		default:
			return in.Result
		}
	}
	m.t.Fatalf("%s: no answer: %v", method, m.lines.Err())
	return nil
}
