//! Tables about devices: a version takes effect for all series that are here, and for those that come.

use super::Shard;
use super::state::NOBODY;
use crate::node::Node;
use crate::table::{Lookups, Table};
use std::sync::Arc;

impl Shard {
    /// From here on this is the version of the table of the join called `name`.
    pub(super) fn take_table(&mut self, name: &str, table: &Arc<Table>) {
        let Shard { plan, nodes, owners, series, facts, channels, .. } = self;
        for ((operator, node), owners) in plan.operators.iter().zip(nodes).zip(owners) {
            let Node::Table(node) = node else { continue };
            if operator.name != name {
                continue;
            }
            node.take(Arc::clone(table));
            for (state, &owner) in (0..).zip(owners.iter()) {
                let owner = &series[owner as usize];
                if owner.series != NOBODY {
                    let (device, channel) =
                        (&facts[owner.device as usize].name, &channels[owner.channel as usize].name);
                    node.resolve(state, device, channel);
                }
            }
        }
    }

    /// Looks up the rows about a series that has just got its place.
    pub(super) fn enter_tables(&mut self, device: u32, place: u32, channel: u32) {
        let Shard { series, routes, nodes, facts, channels, .. } = self;
        let (from, to) = series[place as usize].in_order();
        for route in &routes[from as usize..to as usize] {
            if let Node::Table(node) = &mut nodes[usize::from(route.node)] {
                node.resolve(route.state, &facts[device as usize].name, &channels[channel as usize].name);
            }
        }
    }

    /// Of each join with a table, by its place in the plan, how many readings have found what they asked for.
    pub fn joined(&self) -> impl Iterator<Item = (u16, Lookups)> {
        (0u16..).zip(&self.nodes).filter_map(|(index, node)| match node {
            Node::Table(node) => Some((index, node.total)),
            _ => None,
        })
    }
}
