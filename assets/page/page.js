// The page works without this file. With it, the page follows the daemon, says
// that it is busy, and copies. It keeps nothing and asks nobody but the daemon.
(() => {
  "use strict"
  const body = document.body, gone = document.getElementById("gone"), announce = document.getElementById("announce")
  const base = body.dataset.base || ""

  // A form that was sent says so, and is not sent twice.
  addEventListener("submit", (e) => {
    const button = e.submitter || e.target.querySelector("button")
    if (e.target.dataset.sent) { e.preventDefault(); return }
    e.target.dataset.sent = "1"
    if (button) {
      button.setAttribute("aria-busy", "true")
      button.dataset.label = button.textContent
      button.textContent = body.dataset.working
    }
    announce.textContent = body.dataset.working
  })
  // The way back shows a page as it was left.
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload() })

  const showCopies = (root) => root.querySelectorAll("[data-copy]").forEach((b) => { b.hidden = false })
  addEventListener("click", async (e) => {
    const b = e.target.closest("[data-copy]")
    if (!b) return
    try {
      await navigator.clipboard.writeText(b.dataset.copy)
      announce.textContent = body.dataset.copied
      b.firstChild.data = body.dataset.copied
    } catch {
      getSelection().selectAllChildren(b.previousElementSibling)
    }
  })
  showCopies(document)

  // The daemon starts again: go on when another one answers, or if none does so soon.
  const back = body.dataset.restart, began = Date.now()
  const wait = async () => {
    try {
      const r = await fetch(base + "/style.css", { cache: "no-store" })
      if (r.headers.get("Shelfkeeper-Run") !== body.dataset.run || Date.now() - began > 30000) { location.replace(back); return }
    } catch { /* it is not back yet */ }
    setTimeout(wait, 300)
  }
  if (back) setTimeout(wait, 300)

  if (!("live" in body.dataset)) return

  const words = (root) => Array.from(root.querySelectorAll("[data-announce]"), (n) => n.dataset.announce).join(". ")
  const same = (a, b) => { b = b.cloneNode(true); prepare(b, a); return a.isEqualNode(b) }
  // What this script and the user have changed is no difference.
  const prepare = (next, old) => {
    showCopies(next)
    next.querySelectorAll("details").forEach((d) => { const was = d.id && old.querySelector("#" + CSS.escape(d.id)); if (was) d.open = was.open })
  }

  // show puts a newer page in the place of this one, region by region: what has
  // not changed stays, and the focus with it.
  const show = (page) => {
    const said = words(document)
    const regions = Array.from(page.querySelectorAll("[data-region]"))
    const here = document.querySelectorAll("[data-region]").length
    if (regions.length !== here || regions.some((r) => !document.getElementById(r.id))) { location.reload(); return }
    for (const next of regions) {
      const old = document.getElementById(next.id)
      if (same(old, next)) continue
      const focus = old.contains(document.activeElement) && document.activeElement.id
      prepare(next, old)
      old.replaceWith(next)
      const again = focus && document.getElementById(focus)
      if (again) again.focus()
    }
    const icon = page.getElementById("icon"), mine = document.getElementById("icon")
    if (icon && mine && icon.getAttribute("href") !== mine.getAttribute("href")) mine.setAttribute("href", icon.getAttribute("href"))
    document.title = page.title
    for (const f of document.querySelectorAll("[data-until]")) if (document.getElementById(f.dataset.until)) f.hidden = true
    const now = words(document)
    if (now !== said) announce.textContent = now
  }

  let busy = false, again = false
  const refresh = async () => {
    again = busy
    if (busy) return
    busy = true
    try {
      const r = await fetch(location.pathname, { cache: "no-store" })
      if (r.redirected) location.assign(r.url)
      else if (r.ok) show(new DOMParser().parseFromString(await r.text(), "text/html"))
      else if (r.status === 404) location.assign(base + "/")
    } catch { /* the stream says that the daemon is gone */ }
    busy = false
    if (again && !document.querySelector("form[data-sent]")) refresh()
  }

  // The stream is open while somebody can see the page.
  let stream
  const follow = () => {
    if (document.hidden) { if (stream) stream.close(); stream = undefined; return }
    if (stream) return
    stream = new EventSource(base + "/events")
    // What changed between this page and the stream's begin, nobody tells.
    stream.addEventListener("open", () => { gone.hidden = true; refresh() })
    stream.addEventListener("changed", refresh)
    stream.addEventListener("error", (e) => {
      if (!stream || stream.readyState === EventSource.OPEN) return
      gone.hidden = false
      if (stream.readyState === EventSource.CLOSED) { stream = undefined; setTimeout(follow, 5000) }
    })
  }
  addEventListener("visibilitychange", follow)
  addEventListener("pagehide", () => { if (stream) stream.close(); stream = undefined })
  // What the reader waits for comes first.
  if (document.readyState === "complete") follow()
  else addEventListener("load", () => setTimeout(follow, 50))
})()
