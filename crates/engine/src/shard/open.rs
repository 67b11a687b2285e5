//! What open windows would say by now, for those who look on.
//!
//! A question about a few series, which changes nothing: what is asked for costs, not how many series there are. Of
//! windows of a device only; what several devices have together is known to no shard.

use super::state::NOBODY;
use super::{Outputs, Shard};
use crate::node::{Node, Points};
use crate::plan::Per;
use crate::series::Series;
use crate::window::Closed;

impl Shard {
    /// What the windows of these series, and of what is derived from them, that close next would say by now. Series of
    /// other shards are theirs to tell of.
    pub(super) fn look(&self, asked: &[Series], out: &mut Outputs) {
        for &asked in asked {
            let Some(&place) = self.series_places.get(asked.0 as usize) else { continue };
            let Some(series) = self.series.get(place as usize).filter(|series| series.series != NOBODY) else {
                continue;
            };
            for &other in &self.facts[series.device as usize].series {
                if self.series[other as usize].origin == place {
                    self.look_at(other, out);
                }
            }
        }
    }

    /// The same of one series, in the order of the plan.
    fn look_at(&self, place: u32, out: &mut Outputs) {
        let series = &self.series[place as usize];
        let now = self.devices[series.device as usize].order.watermark();
        let heard = self.heard(place);
        let (first, (from, to)) = (out.open.len(), series.in_order());
        let mut say = |node: u16, closed: Option<Closed>| {
            out.open.extend(closed.map(|closed| (node, closed.aggregate(series.series))));
        };
        for route in &self.routes[from as usize..to as usize] {
            let Node::Window(window) = &self.nodes[usize::from(route.node)] else { continue };
            if window.spec.per == Per::Device {
                let windows = &window.states[route.state as usize];
                say(route.node, windows.provisional(&window.spec, &heard, now));
            }
        }
        for &(node, state) in &self.facts[series.device as usize].points {
            if let Node::Points(Points::Joint(windows)) = &self.nodes[usize::from(node)] {
                say(node, windows.provisional(state, series.series, now));
            }
        }
        out.open[first..].sort_by_key(|&(node, _)| node);
    }
}
