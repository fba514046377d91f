//! docs/keys-and-budgets.md says what the table of endpoints says.

use trunkline_management::ENDPOINTS;

#[test]
fn the_page_lists_every_endpoint() {
    let page = include_str!("../../../../docs/keys-and-budgets.md");
    let rows = page.split("<!-- management endpoints: begin -->").nth(1).expect("a table");
    let rows = rows.split("<!-- management endpoints: end -->").next().expect("its end");
    let listed: Vec<[String; 3]> = rows
        .trim()
        .lines()
        .skip(2)
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            [cells[1].to_owned(), cells[2].to_owned(), cells[3].to_owned()]
        })
        .collect();
    let row = |row: &trunkline_management::EndpointRow| {
        [row.method.to_string(), row.path.to_owned(), row.least.name().to_owned()]
    };
    assert_eq!(listed, ENDPOINTS.iter().map(row).collect::<Vec<_>>());
}
