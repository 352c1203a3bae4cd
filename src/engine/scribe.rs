//! Small durable writes in the order in which they were decided, off the core's thread.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use super::core::Stores;

type Task = Box<dyn FnOnce(&Stores) + Send>;

/// Writes one task after the other. Ends after everything is written.
pub(crate) struct Scribe {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Scribe {
    /// Starts the thread.
    pub(crate) fn start(stores: Arc<Stores>) -> std::io::Result<Self> {
        let (tasks, queue) = channel::<Task>();
        let thread = std::thread::Builder::new().name("scribe".to_owned()).spawn(move || {
            for task in queue {
                task(&stores);
            }
        })?;
        Ok(Self { tasks: Some(tasks), thread: Some(thread) })
    }

    /// Queues a write. Never waits.
    pub(crate) fn write(&self, task: impl FnOnce(&Stores) + Send + 'static) {
        if let Some(tasks) = &self.tasks {
            let _ = tasks.send(Box::new(task));
        }
    }

    /// Told when everything queued so far is written.
    pub(crate) fn flushed(&self) -> std::sync::mpsc::Receiver<()> {
        let (tell, told) = channel();
        self.write(move |_| {
            let _ = tell.send(());
        });
        told
    }

    /// Waits until all is written.
    pub(crate) fn end(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.end();
    }
}
