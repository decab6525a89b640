// Browsers start no worker from file://, so the search runs in a hidden frame there.
// The same idea as the package iframe-worker; written for this site, which asks no other host.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      const inside = (this.inside = frame.contentWindow);
      inside.answered = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      inside.document.open();
      inside.document.write(
        `<script>
          window.postMessage = (data) => window.answered(data);
          window.importScripts = (...urls) => urls.reduce(
            (before, url) => before.then(() => new Promise((done) => {
              const script = document.createElement("script");
              script.src = url;
              script.onload = done;
              document.body.appendChild(script);
            })), Promise.resolve());
        <\/script><body><script src="${new URL(url, location)}"><\/script></body>`
      );
      inside.document.close();
      this.ready = new Promise((done) => (inside.onload = done));
    }
    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
    terminate() {}
  };
}
