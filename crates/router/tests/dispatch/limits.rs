//! What a deployment has used of its minute, with limits and without.

use trunkline_router::{Policy, Routing, StrategyKind};

use crate::world::{World, spec};

#[tokio::test(start_paused = true)]
async fn usage_is_counted_without_limits_where_the_least_used_is_asked() {
    let policy = Policy { strategy: StrategyKind::UsageBased, ..Policy::default() };
    let specs = [spec("m", "one/a"), spec("m", "one/b"), spec("m", "two/c")];
    let world = World::new(Routing { policy, ..Routing::default() }, specs);
    // The first one is dear: it is not asked again until the others have used as much.
    let mut first = world.ask("m").await.expect("an answer");
    first.permit.used(1_000);
    for _ in 0..20 {
        let mut answer = world.ask("m").await.expect("an answer");
        answer.permit.used(100);
    }
    assert_eq!(world.asked_of(&first.candidate.upstream_model), 1);
    let mut asked: Vec<usize> = ["a", "b", "c"].map(|model| world.asked_of(model)).into();
    asked.sort_unstable();
    assert_eq!(asked, [1, 10, 10]);
}
