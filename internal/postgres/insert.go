package postgres

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/jackc/pgx/v5"
)

// insertBatch is how many rows one INSERT carries.
const insertBatch = 1000

// insertRows writes n rows into a table under row level security, which COPY cannot write. values gives a row's values
// in the order of the columns.
func insertRows(ctx context.Context, tx pgx.Tx, table string, columns []string, n int, values func(i int) ([]any, error)) error {
	name, list := pgx.Identifier{table}.Sanitize(), strings.Join(columns, ", ")
	insertSQL := `INSERT INTO ` + name + ` (` + list + `) SELECT ` + list + ` FROM json_populate_recordset(NULL::` + name + `, $1)`
	for from := 0; from < n; from += insertBatch {
		rows := make([]map[string]any, min(insertBatch, n-from))
		for i := range rows {
			row, err := values(from + i)
			if err != nil {
				return err
			}
			rows[i] = make(map[string]any, len(columns))
			for c, column := range columns {
				rows[i][column] = row[c]
			}
		}
		data, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, insertSQL, data); err != nil {
			return err
		}
	}
	return nil
}
