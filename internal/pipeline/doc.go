// Package pipeline joins the stations of a model's way: what a pull left in a
// cache becomes the source of a store, and what formats know of a file tells
// which tensor a damaged byte belongs to.
//
// [OpenRepo] and [OpenPath] find the files for store.Put, [Locator] names
// tensors for store.Check.
package pipeline
