// A player as most of them are: socket.io-client with its own settings.
const { io } = require("socket.io-client");
const [url, token] = process.argv.slice(2);
const say = (what, more) => process.stdout.write(JSON.stringify({ at: Date.now(), what, ...more }) + "\n");
const socket = io(url);
socket.on("connect", () => {
  say("connect");
  socket.emit("auth", token || "");
});
socket.on("disconnect", (why) => say("disconnect", { why }));
socket.on("init", () => say("init"));
socket.on("auth_failed", () => say("auth_failed"));
socket.on("user_updated", (user) => {
  const stamp = Math.max(0, ...user.mediaProgress.map((p) => p.currentTime));
  say("tick", { stamp });
});
