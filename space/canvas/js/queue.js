// Several photos chosen or dropped at once: one is open, the others wait for Next, which passes over what could not be
// opened. Another choice ends the row.
let waitingFiles = [], askedAt = 0;

function openFiles(files) {
  waitingFiles = [...files];
  askedAt = 0;
  openFile(waitingFiles[0]);
  emit("queue");
}

// What comes from elsewhere is none of the row.
function endQueue() {
  waitingFiles = [];
  emit("queue");
}

const isRow = () => waitingFiles.length > 1;
const hasNext = () => askedAt + 1 < waitingFiles.length;

function openNext() {
  if (!hasNext() || gesture) return;
  askedAt += 1;
  openFile(waitingFiles[askedAt]);
  emit("queue");
}

// Of several, the reader cannot know which one it was.
const namedInRow = (file, words) => (isRow() && waitingFiles.includes(file) ? file.name + " could not be opened. " + words : words);

// Counts what is open, not what was asked for: that may still be on its way, or be refused.
function showQueue() {
  const row = inPanel(".lp-queue"), openAt = waitingFiles.indexOf(S.chosen);
  row.hidden = !isRow() || !S.photo || (openAt < 0 && !hasNext());
  const place = openAt < 0 ? "Next: photo " + (askedAt + 2) : "Photo " + (openAt + 1);
  row.querySelector("span").textContent = place + " of " + waitingFiles.length;
  row.querySelector("button").disabled = !hasNext();
}
