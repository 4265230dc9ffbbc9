// Several photos chosen or dropped at once: one is open, the others wait for Next. Another choice ends the row.
let waitingFiles = [], fileAt = 0;

function openFiles(files) {
  waitingFiles = [...files];
  fileAt = 0;
  openFile(waitingFiles[0]);
  emit("queue");
}

// What comes from elsewhere is none of the row.
function endQueue() {
  waitingFiles = [];
  emit("queue");
}

const hasNext = () => fileAt + 1 < waitingFiles.length;

function openNext() {
  if (!hasNext() || gesture) return;
  fileAt += 1;
  openFile(waitingFiles[fileAt]);
  emit("queue");
}

function showQueue() {
  const row = inPanel(".lp-queue");
  row.hidden = waitingFiles.length < 2 || !S.photo;
  row.querySelector("span").textContent = "Photo " + (fileAt + 1) + " of " + waitingFiles.length;
  row.querySelector("button").disabled = !hasNext();
}
